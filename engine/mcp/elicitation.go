package mcp

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/gannetmcp/gannet/codec"
)

// ElicitRequest asks the user for something (elicitation/create).
type ElicitRequest struct {
	// Mode is "form" or "url". Empty: "url" with a URL, else "form".
	Mode string `json:"mode,omitempty"`
	// Message is what the user is shown.
	Message string `json:"message"`
	// RequestedSchema of a form is the JSON Schema of a flat object of strings,
	// numbers, booleans and choices. Never ask for secrets by a form.
	RequestedSchema json.RawMessage `json:"requestedSchema,omitempty"`
	// URL is where the user is led, with consent and in sight of the host's
	// name. ElicitationID names it for ElicitationComplete; revision 2026-07-28
	// has none.
	URL           string          `json:"url,omitempty"`
	ElicitationID string          `json:"elicitationId,omitempty"`
	Raw           json.RawMessage `json:"-"` // the whole, as a client sees it
}

// ElicitResult is what the user did.
type ElicitResult struct {
	// Action is "accept", "decline" or "cancel".
	Action string `json:"action"`
	// Content is what was filled in, if a form was accepted.
	Content map[string]any `json:"content,omitempty"`
}

// Accepted reports whether the user has done what was asked.
func (r *ElicitResult) Accepted() bool { return r.Action == "accept" }

// Elicit asks the client's user for something, and waits for the answer where
// the client's revision has requests for that; it asks by the answer to the
// call, and returns ErrInputRequired, where it has not (2026-07-28). key tells
// the questions of one handler apart. A handler must get as far as a question
// whenever it runs anew, and do nothing before its last one that may not be done
// twice.
//
// Content of a form is held to its schema. The call's time is extended by
// Options.AnswerTimeout. Errors: ErrInputRequired, to be returned; an *Error
// (2026-07-28) or a plain one where the client has not declared that it can be
// asked so, see CanElicit and CanElicitURL; an *AskError; the cause of
// c.Context.
func (c *Call) Elicit(key string, r *ElicitRequest) (*ElicitResult, error) {
	q, err := c.elicitation(key, r)
	if err != nil {
		return nil, err
	}
	b, err := c.ask(q)
	if err != nil {
		return nil, err
	}
	res := &ElicitResult{}
	return res, json.Unmarshal(b, res)
}

func (c *Call) elicitation(key string, r *ElicitRequest) (*question, error) {
	q := &question{key: key, method: "elicitation/create", needs: canElicitForm, lacks: `{"elicitation":{"form":{}}}`}
	p := *r
	if p.Mode == "" && p.URL != "" {
		p.Mode = "url"
	}
	switch {
	case p.Mode == "url":
		q.needs, q.lacks = canElicitURL, `{"elicitation":{"url":{}}}`
		if p.URL == "" || p.RequestedSchema != nil {
			return nil, errors.New("mcp: Elicit: mode url wants a URL, and no schema")
		}
		if c.rev.modern {
			p.ElicitationID = ""
		} else if p.ElicitationID == "" {
			return nil, errors.New("mcp: Elicit: mode url wants an ElicitationID for clients of 2025-11-25")
		}
		q.judge = func(b []byte) error { return judgeElicited(b, nil) }
	case p.Mode != "" && p.Mode != "form":
		return nil, fmt.Errorf("mcp: Elicit: mode %q; there are form and url", p.Mode)
	default:
		if !c.rev.elicitURL {
			p.Mode = "" // there is no other
		} else {
			p.Mode = "form"
		}
		v, err := compileValidator(p.RequestedSchema)
		if err != nil {
			return nil, fmt.Errorf("mcp: Elicit: RequestedSchema: %w", err)
		}
		properties, _ := codec.RawValue(p.RequestedSchema).Object().Get("properties")
		if !typeIsObject(p.RequestedSchema) || properties.Kind() != codec.ObjectKind {
			return nil, errors.New(`mcp: Elicit: RequestedSchema: type must be "object", and properties must be given`)
		}
		q.judge = func(b []byte) error { return judgeElicited(b, v) }
	}
	var err error
	q.params, err = json.Marshal(p)
	return q, err
}

// judgeElicited judges an ElicitResult; form is that of the content, nil if
// there is none.
func judgeElicited(b []byte, form *validator) error {
	o := codec.RawValue(b).Object()
	action, _ := o.Get("action")
	if !action.EqualString("accept") {
		if !action.EqualString("decline") && !action.EqualString("cancel") {
			return errors.New("action must be accept, decline or cancel")
		}
		return nil
	}
	content, ok := o.Get("content")
	if ok && content.Kind() != codec.ObjectKind {
		return errors.New("content must be an object")
	}
	if form == nil {
		return nil
	}
	if !ok {
		content = emptyObject.Value()
	}
	if err := form.validate(content); err != nil {
		return fmt.Errorf("content: %v", err) // not %w: the call's own arguments are not to blame
	}
	return nil
}

// ElicitationComplete tells a client of 2025-11-25 that what happens out of
// band, at the URL of an elicitation, is over. Other revisions have no word for
// that. It must come before the reply's content.
func (c *Call) ElicitationComplete(id string) error {
	if !c.rev.elicitURL || c.rev.modern {
		return nil
	}
	if c.reply.state != replyEmpty {
		return ErrReplyBegun
	}
	dst := c.engine.BeginNotification("notifications/elicitation/complete")
	dst = c.engine.Grow(dst, escapeRoom(len(id))+blockRoom)
	dst = codec.AppendString(append(dst, `{"elicitationId":`...), id)
	return c.endNotification(append(c.appendRelated(dst), '}'))
}
