package load

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
)

// A shape is what every good reply looks like: these bytes, with the id of a
// request in flight between them. It does not change once learnt.
type shape struct {
	t      *template
	prefix string // before the id
	suffix string // behind the id, without a newline
	result any    // of CheckSame, what the first reply said
}

// size is the length of a reply of this shape, in bytes.
func (s *shape) size() int { return len(s.prefix) + idDigits + len(s.suffix) }

// rawShape is known beforehand: the line that was sent.
func rawShape(t *template) *shape { return &shape{t: t, suffix: t.text} }

// learnShape takes the shape of the first reply, which answered id. line is not
// kept.
func learnShape(t *template, line []byte, id uint64) (*shape, error) {
	var digits [idDigits]byte
	putID(digits[:], id)
	sh := &shape{t: t}
	v := sh.judge(line)
	switch {
	case v.kind != replyGood:
		return nil, fmt.Errorf("load: the first reply is wrong (%s): %.300q", v.kind, line)
	case v.id != id:
		return nil, fmt.Errorf("load: the first reply answers %d, not %d", v.id, id)
	}
	// The digits may stand in the text too, though not in ours; the judged id
	// is the member's, and in front of the text in every server known.
	at := bytes.Index(line, digits[:])
	sh.prefix, sh.suffix = string(line[:at]), string(bytes.TrimSuffix(line[at+idDigits:], []byte("\n")))
	if t.check == CheckSame {
		var first struct{ Result any }
		if err := json.Unmarshal(line, &first); err != nil {
			return nil, err
		}
		sh.result = first.Result
	}
	return sh, nil
}

// match returns the length of the reply that b begins with and the id that it
// answers, if it has this shape. What follows the reply is not looked at.
// Hot path.
func (s *shape) match(b []byte) (n int, id uint64, ok bool) {
	p, n := len(s.prefix), s.size()
	if len(b) < n || string(b[:p]) != s.prefix || string(b[p+idDigits:n]) != s.suffix {
		return 0, 0, false
	}
	id, ok = getID(b[p:])
	return n, id, ok
}

// replyKind is what a line turns out to be.
type replyKind uint8

const (
	replyGood replyKind = iota
	replyMalformed
	replyRPCError
	replyToolError
	replyPayload
	replyServerRequest
	replyNotification
)

func (k replyKind) String() string {
	return [...]string{"good", "malformed", "JSON-RPC error", "tool error", "another payload than asked for",
		"a request of the server", "a notification"}[k]
}

// A verdict is what a line turns out to be, and the id that it answers where it
// answers one.
type verdict struct {
	kind  replyKind
	id    uint64
	hasID bool
}

// judge parses a reply that has not the shape learnt. It allocates: a server
// whose replies all come here is measured with a slow client, which SlowChecks
// shows. line is not kept.
func (s *shape) judge(line []byte) verdict {
	t := s.t
	if t.check == checkRaw {
		id, ok := getID(line)
		if !ok {
			return verdict{kind: replyMalformed}
		}
		if string(bytes.TrimSuffix(line[idDigits:], []byte("\n"))) == t.text {
			return verdict{kind: replyGood, id: id, hasID: true}
		}
		return verdict{kind: replyPayload, id: id, hasID: true}
	}
	v, result := parseReply(line)
	if v.kind == replyGood {
		v.kind = s.judgeResult(result)
	}
	return v
}

// parseReply takes the envelope of a message apart. A verdict of replyGood is
// yet to be had of the result.
func parseReply(line []byte) (v verdict, result json.RawMessage) {
	var env struct {
		Version string          `json:"jsonrpc"`
		ID      json.RawMessage `json:"id"`
		Method  *string         `json:"method"`
		Result  json.RawMessage `json:"result"`
		Error   json.RawMessage `json:"error"`
	}
	if err := json.Unmarshal(line, &env); err != nil || env.Version != "2.0" {
		return verdict{kind: replyMalformed}, nil
	}
	if env.Method != nil {
		if env.ID != nil {
			return verdict{kind: replyServerRequest}, nil
		}
		return verdict{kind: replyNotification}, nil
	}
	var id uint64
	if json.Unmarshal(env.ID, &id) != nil || (env.Result == nil) == (env.Error == nil) {
		return verdict{kind: replyMalformed}, nil
	}
	v = verdict{replyGood, id, true}
	if env.Error != nil {
		v.kind = replyRPCError
	}
	return v, env.Result
}

// judgeResult checks a result as its message wants.
func (s *shape) judgeResult(result []byte) replyKind {
	var r struct {
		Content []struct {
			Type string `json:"type"`
			Text string `json:"text"`
		} `json:"content"`
		IsError bool `json:"isError"`
	}
	err := error(nil)
	if s.t.mcp == "tools/call" { // other results may have members of these names
		err = json.Unmarshal(result, &r)
	}
	switch {
	case err != nil || len(result) == 0 || result[0] != '{':
		return replyPayload
	case r.IsError:
		return replyToolError
	case s.t.check == CheckEcho && (len(r.Content) != 1 || r.Content[0].Type != "text" || r.Content[0].Text != s.t.text):
		return replyPayload
	case s.t.check == CheckSame && s.result != nil:
		var again any
		if json.Unmarshal(result, &again) != nil || !reflect.DeepEqual(again, s.result) {
			return replyPayload
		}
	}
	return replyGood
}
