package mcp

import (
	"strings"

	"github.com/gannetmcp/gannet/codec"
)

// Completer proposes values for an argument of a prompt, or for a variable of a
// resource template, by what of it has been typed so far. It runs on the worker
// pool. The other arguments that the client knows already are c.Args (from
// 2025-06-18 on). An error is answered as that of a Handler.
type Completer func(c *Call, value string) (Completion, error)

// Completion is what a Completer proposes.
type Completion struct {
	// Values in order, the best one first. Of more than 100, the protocol's
	// bound, the first 100 are sent, and the client is told that there are more.
	Values []string
	// Total is how many there are in all. Zero: not told, unless Values are
	// too many.
	Total int
	// HasMore says that there are more than Values.
	HasMore bool
}

const completionValuesMax = 100

// CompleteFrom returns a Completer that proposes those of values that begin
// with what has been typed, whatever the case.
func CompleteFrom(values ...string) Completer {
	return func(_ *Call, typed string) (Completion, error) {
		var c Completion
		for _, v := range values {
			if len(v) >= len(typed) && strings.EqualFold(v[:len(typed)], typed) {
				c.Values = append(c.Values, v)
			}
		}
		return c, nil
	}
}

// readComplete reads the params of completion/complete and finds the Completer.
func (c *Call) readComplete() *Error {
	p := c.engine.Params()
	if err := completeMembers.judge(p); err != nil {
		return err
	}
	ref, ok := p.Get("ref")
	if !ok {
		return errCompleteRef
	}
	argument, _ := p.Get("argument")
	name, ok := argument.Object().Get("name")
	if _, valued := argument.Object().Get("value"); !ok || !valued {
		return errCompleteArgument
	}
	if v, ok := p.Get("context"); ok {
		if v, ok := v.Object().Get("arguments"); ok {
			c.args = v.Object()
		}
	}
	if c.engine.OffLoop() {
		return nil // found already
	}
	return c.findCompleter(ref.Object(), name)
}

func (c *Call) findCompleter(ref codec.Object, argument codec.Value) *Error {
	kind, _ := ref.Get("type")
	key := "name"
	if kind.EqualString("ref/resource") {
		key = "uri"
	} else if !kind.EqualString("ref/prompt") {
		return errCompleteRef
	}
	v, ok := ref.Get(key)
	if !ok {
		return errCompleteRef
	}
	name, err := v.Bytes(c.engine.Arena())
	if err != nil {
		return errCompleteRef
	}
	if key == "name" {
		e := c.server.prompts.names.Lookup(name)
		if e == nil {
			return errCompleteUnknown
		}
		for i := range e.Value.Arguments {
			if argument.EqualString(e.Value.Arguments[i].Name) {
				c.completer = e.Value.Arguments[i].Complete
				return nil
			}
		}
		return nil // nothing is known about it
	}
	if e := c.server.templates.names.Lookup(name); e != nil {
		for variable, f := range e.Value.Complete {
			if argument.EqualString(variable) {
				c.completer = f
			}
		}
		return nil
	}
	if c.server.resources.names.Lookup(name) == nil {
		return errCompleteUnknown
	}
	return nil
}

// complete answers completion/complete.
func complete(c *Call) error {
	if c.completer == nil {
		return c.completed(Completion{})
	}
	return c.completeSlow()
}

func (c *Call) completeSlow() error {
	argument, _ := c.engine.Params().Get("argument")
	v, _ := argument.Object().Get("value")
	value, err := v.StringCopy()
	if err != nil {
		return errCompleteArgument
	}
	got, err := c.completer(c, value)
	if err != nil {
		return err
	}
	return c.completed(got)
}

func (c *Call) completed(got Completion) error {
	total, more, values := got.Total, got.HasMore, got.Values
	if len(values) > completionValuesMax {
		total, more = max(total, len(values)), true
		values = values[:completionValuesMax]
	}
	dst := append(c.engine.BeginResult(), `{"completion":{"values":[`...)
	for i, v := range values {
		dst = c.engine.Grow(dst, escapeRoom(len(v))+blockRoom)
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = codec.AppendString(dst, v)
	}
	dst = append(dst, ']')
	if total > 0 {
		dst = codec.AppendInt(append(dst, `,"total":`...), int64(total))
	}
	dst = append(codec.AppendBool(append(dst, `,"hasMore":`...), more), '}')
	c.endResult(dst)
	return nil
}

// endResult closes the object that a result is, with what its revision wants on
// each, and sends it.
func (c *Call) endResult(dst []byte) {
	if !c.rev.modern {
		c.engine.EndResult(append(dst, '}'))
		return
	}
	tail := c.server.modernTail
	if dst[len(dst)-1] == '{' {
		tail = tail[1:] // without the comma
	}
	c.engine.EndResult(append(c.engine.Grow(dst, len(tail)+2), tail...))
}
