package load

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// A shape is what every good reply looks like: these bytes, with the id of a
// request in flight between them. It does not change once learnt.
type shape struct {
	t      *template
	prefix string // before the id
	suffix string // behind the id, newline included
}

// size is the length of a reply of this shape, in bytes.
func (s *shape) size() int { return len(s.prefix) + idDigits + len(s.suffix) }

// rawShape is known beforehand: the line that was sent.
func rawShape(t *template) *shape { return &shape{t, "", t.text + "\n"} }

// learnShape takes the shape of the first reply, which answered id. line
// includes its newline and is not kept.
func learnShape(t *template, line []byte, id uint64) (*shape, error) {
	var digits [idDigits]byte
	putID(digits[:], id)
	v := t.judge(line)
	switch {
	case v.kind != replyGood:
		return nil, fmt.Errorf("load: the first reply is wrong (%s): %.300q", v.kind, line)
	case v.id != id:
		return nil, fmt.Errorf("load: the first reply answers %d, not %d", v.id, id)
	}
	// The digits may stand in the text too, though not in ours; the judged id
	// is the member's, and in front of the text in every server known.
	at := bytes.Index(line, digits[:])
	return &shape{t, string(line[:at]), string(line[at+idDigits:])}, nil
}

// match returns the length of the reply that b begins with and the id that it
// answers, if it has this shape. Hot path.
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

// judge parses a line that has not the shape learnt. It allocates: a server
// whose replies all come here is measured with a slow client, which SlowChecks
// shows. line includes its newline and is not kept.
func (t *template) judge(line []byte) verdict {
	if t.method == MethodRaw {
		id, ok := getID(line)
		if !ok {
			return verdict{kind: replyMalformed}
		}
		if string(line[idDigits:]) == t.text+"\n" {
			return verdict{replyGood, id, true}
		}
		return verdict{replyPayload, id, true}
	}
	var env struct {
		Version string          `json:"jsonrpc"`
		ID      json.RawMessage `json:"id"`
		Method  *string         `json:"method"`
		Result  json.RawMessage `json:"result"`
		Error   json.RawMessage `json:"error"`
	}
	if err := json.Unmarshal(line, &env); err != nil || env.Version != "2.0" {
		return verdict{kind: replyMalformed}
	}
	if env.Method != nil {
		if env.ID != nil {
			return verdict{kind: replyServerRequest}
		}
		return verdict{kind: replyNotification}
	}
	var id uint64
	if json.Unmarshal(env.ID, &id) != nil || (env.Result == nil) == (env.Error == nil) {
		return verdict{kind: replyMalformed}
	}
	v := verdict{replyGood, id, true}
	if env.Error != nil {
		v.kind = replyRPCError
		return v
	}
	v.kind = t.judgeResult(env.Result)
	return v
}

// judgeResult checks the result of a ping or a call.
func (t *template) judgeResult(result []byte) replyKind {
	var r struct {
		Content []struct {
			Type string `json:"type"`
			Text string `json:"text"`
		} `json:"content"`
		IsError bool `json:"isError"`
	}
	switch err := json.Unmarshal(result, &r); {
	case err != nil || result[0] != '{':
		return replyPayload
	case t.method == MethodPing:
		return replyGood
	case r.IsError:
		return replyToolError
	case len(r.Content) != 1 || r.Content[0].Type != "text" || r.Content[0].Text != t.text:
		return replyPayload
	}
	return replyGood
}

// errNoProtocol is an initialize result that is none.
var errNoProtocol = errors.New("load: the reply to initialize names no protocol version")

// protocolVersion is what is asked for; the server may answer another.
const protocolVersion = "2025-11-25"

// initializeLine and initializedLine open an MCP session.
const (
	initializeLine = `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"` + protocolVersion +
		`","capabilities":{},"clientInfo":{"name":"gannet-load","version":"1"}}}` + "\n"
	initializedLine = `{"jsonrpc":"2.0","method":"notifications/initialized"}` + "\n"
)

// checkInitialize judges a line that came after initializeLine. done is false
// for a notification, after which the reply is still to come.
func checkInitialize(line []byte) (done bool, err error) {
	var env struct {
		ID     *int64  `json:"id"`
		Method *string `json:"method"`
		Result *struct {
			ProtocolVersion string `json:"protocolVersion"`
		} `json:"result"`
	}
	if err := json.Unmarshal(line, &env); err != nil {
		return false, fmt.Errorf("load: the reply to initialize is not JSON: %.300q", line)
	}
	switch {
	case env.Method != nil && env.ID == nil:
		return false, nil
	case env.ID == nil || *env.ID != 0 || env.Result == nil:
		return false, fmt.Errorf("load: initialize was refused: %.300q", line)
	case env.Result.ProtocolVersion == "":
		return false, errNoProtocol
	}
	return true, nil
}
