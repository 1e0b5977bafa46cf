package load

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// How the replies to a Message are checked, beside their id.
const (
	CheckResult = "result" // a result, and not one that says isError
	CheckSame   = "same"   // and equal to the first reply's, member for member
	CheckEcho   = "echo"   // and one content block with the text that was sent as the argument "text"
)

// MaxMessages bounds a mix.
const MaxMessages = 64

// A Message is one kind of request of a mix. All fields but Method may be zero.
type Message struct {
	// Name stands in results; "" is Method, with the tool behind it for
	// tools/call.
	Name   string          `json:"name,omitempty"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params,omitempty"` // a JSON object; nil is none
	Weight int             `json:"weight,omitempty"` // 0 is 1; at most 1,000
	// Check is CheckResult, CheckSame or CheckEcho; "" is CheckResult.
	Check string `json:"check,omitempty"`
}

// ReadMessages reads a mix: a JSON array of messages, or one message after
// another. Members that a Message has not are errors.
func ReadMessages(r io.Reader) ([]Message, error) {
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	var all []Message
	for {
		var one json.RawMessage
		if err := d.Decode(&one); err == io.EOF {
			break
		} else if err != nil {
			return nil, usagef("messages: %v", err)
		}
		strict := json.NewDecoder(bytes.NewReader(one))
		strict.DisallowUnknownFields()
		var err error
		if one[0] == '[' {
			var list []Message
			err = strict.Decode(&list)
			all = append(all, list...)
		} else {
			var m Message
			err = strict.Decode(&m)
			all = append(all, m)
		}
		if err != nil {
			return nil, usagef("messages: %v", err)
		}
	}
	for i := range all {
		if err := all[i].complete(); err != nil {
			return nil, err
		}
	}
	if len(all) == 0 || len(all) > MaxMessages {
		return nil, usagef("messages: %d are not between 1 and %d", len(all), MaxMessages)
	}
	return all, nil
}

// complete fills in the zero fields and checks the others.
func (m *Message) complete() error {
	var params struct {
		Name      string
		Arguments struct{ Text *string }
	}
	if m.Params != nil {
		if m.Params[0] != '{' || json.Unmarshal(m.Params, &params) != nil {
			return usagef("message %q: params are a JSON object, not %.60s", m.Method, m.Params)
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, m.Params); err != nil {
			return usagef("message %q: params: %v", m.Method, err)
		}
		m.Params = compact.Bytes()
	}
	if m.Name == "" {
		m.Name = strings.TrimSpace(m.Method + " " + params.Name)
	}
	if m.Weight == 0 {
		m.Weight = 1
	}
	if m.Check == "" {
		m.Check = CheckResult
	}
	switch {
	case m.Method == "" || strings.ContainsAny(m.Method, "\"\\\n"):
		return usagef("message: method %.60q is none", m.Method)
	case m.Weight < 1 || m.Weight > 1000:
		return usagef("message %q: weight %d is not between 1 and 1000", m.Name, m.Weight)
	case m.Check != CheckResult && m.Check != CheckSame && m.Check != CheckEcho:
		return usagef("message %q: check %.60q is none of result, same, echo", m.Name, m.Check)
	case m.Check == CheckEcho && params.Arguments.Text == nil:
		return usagef("message %q: echo needs an argument text", m.Name)
	}
	return nil
}

// echoText is what a tool that echoes is to return.
func (m *Message) echoText() string {
	var params struct {
		Arguments struct{ Text string }
	}
	_ = json.Unmarshal(m.Params, &params) // complete has parsed it
	return params.Arguments.Text
}

// withMeta adds what a request of 2026-07-28 says of its client to params.
func withMeta(params json.RawMessage, revision string) string {
	meta := fmt.Sprintf(`"_meta":{"io.modelcontextprotocol/protocolVersion":%q,"io.modelcontextprotocol/clientInfo":{"name":"gannet-load","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}`, revision)
	inner := strings.TrimSpace(strings.TrimSuffix(strings.TrimPrefix(string(params), "{"), "}"))
	if inner != "" {
		meta = "," + meta
	}
	return "{" + inner + meta + "}"
}
