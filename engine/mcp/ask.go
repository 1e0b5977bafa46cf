package mcp

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/gannetmcp/gannet/codec"
	"github.com/gannetmcp/gannet/engine"
)

// ErrInputRequired is returned by Elicit, Sample and Roots where the client has
// to be asked by the answer to its request (2026-07-28). The handler returns it,
// as it is or wrapped or joined with others; the client then sends the request
// again with what was asked for, and the handler runs anew.
var ErrInputRequired = errors.New("mcp: input from the client is required")

var (
	errAskInline  = errors.New("mcp: a client of this revision can only be asked off the event loop: register the handler as Pooled, or move the call by Go")
	errAskMethod  = errors.New("mcp: a client can only be asked while it calls a tool, gets a prompt or reads a resource")
	errAskReplied = errors.New("mcp: a client cannot be asked after the reply has begun")
)

// AskError is a client's refusal to answer.
type AskError struct {
	Method  string     // what was asked, such as "elicitation/create"
	Code    codec.Code // of the JSON-RPC error
	Message string
}

// Error returns the text.
func (e *AskError) Error() string {
	return fmt.Sprintf("mcp: the client does not answer %s: %s (%d)", e.Method, clipText(e.Message), e.Code)
}

// question is what a client is asked.
type question struct {
	key    string
	method string
	params []byte
	needs  capabilities
	lacks  string // the capability, as the client would declare it
	// judge says what is wrong with an answer. It is called off the loop, or in
	// an inline handler.
	judge func(answer []byte) error
}

// dialog is what one request and its client have told each other: the state of
// a request of 2026-07-28 that is sent again, and what it is to be sent again
// for.
type dialog struct {
	answers map[string]codec.Value // by key; of earlier rounds, and of this one once they were judged
	state   []byte                 // the handler's own
	asked   []*question            // in this round
}

// State returns what the handler has kept by SetState in an earlier round, nil
// in the first one, and for clients of revisions before 2026-07-28, whose
// handlers never begin anew. It is the call's.
func (c *Call) State() []byte {
	if c.dialog == nil {
		return nil
	}
	return c.dialog.state
}

// SetState keeps state, which is copied, for the next round, where an empty one
// is empty and not nil: the client is given it sealed, and cannot read or change
// it. What the client has answered
// is kept anyway.
func (c *Call) SetState(state []byte) { c.openDialog().state = bytes.Clone(state) }

func (c *Call) openDialog() *dialog {
	if c.dialog == nil {
		c.dialog = &dialog{answers: map[string]codec.Value{}}
	}
	return c.dialog
}

// ask puts a question to the client and returns its answer, a result object.
func (c *Call) ask(q *question) ([]byte, error) {
	if !retried.has(c.method) {
		return nil, errAskMethod
	}
	if c.reply.state != replyEmpty {
		return nil, errAskReplied
	}
	if c.capabilities()&q.needs != q.needs {
		return nil, c.lacks(q)
	}
	if !c.rev.modern {
		if !c.engine.OffLoop() {
			return nil, errAskInline
		}
		return c.session.ask(c, q)
	}
	d := c.openDialog()
	if v, ok := d.answers[q.key]; ok {
		return v.Raw(), nil
	}
	if responses, ok := c.engine.Params().Get("inputResponses"); ok {
		if v, ok := responses.Object().Get(q.key); ok {
			answer := bytes.Clone(v.Raw())
			if q.judge(answer) == nil { // else it is asked for again
				d.answers[q.key] = codec.RawValue(answer)
				return answer, nil
			}
		}
	}
	for _, other := range d.asked {
		if other.key == q.key {
			return nil, fmt.Errorf("mcp: two questions have the key %q", q.key)
		}
	}
	d.asked = append(d.asked, q)
	return nil, ErrInputRequired
}

// lacks says that the client has not declared what a question needs.
func (c *Call) lacks(q *question) error {
	if !c.rev.modern {
		return fmt.Errorf("mcp: %s: the client has not declared the capability %s", q.method, q.lacks)
	}
	return &Error{
		Code: codec.CodeMissingCapability, Message: "Missing required client capability",
		Data: []byte(`{"requiredCapabilities":` + q.lacks + `}`),
	}
}

// finishAsking answers with what the client is asked.
func (c *Call) finishAsking() error {
	d := c.dialog
	if c.task != nil { // which keeps what is asked, and is asked for it
		c.task.keep(d)
		c.engine.Result(emptyResult)
		return nil
	}
	dst := appendQuestions(append(c.engine.BeginResult(), `{"inputRequests":`...), d.asked)
	if len(d.answers) > 0 || d.state != nil {
		sealed, err := c.server.seal(c)
		if err != nil {
			c.engine.AbandonResult(dst)
			return err
		}
		dst = append(append(append(dst, `,"requestState":"`...), sealed...), '"')
	}
	dst = append(append(dst, `,"resultType":"input_required",`...), c.server.modernMeta()...)
	c.engine.EndResult(dst)
	return nil
}

// asking is a question to a client of an older revision that is on its way.
type asking struct {
	answered chan<- reply
}

type reply struct {
	result []byte
	err    error
}

// ask sends a request to the client and waits for the answer.
func (ss *session) ask(c *Call, q *question) ([]byte, error) {
	answered := make(chan reply, 1)
	ss.mu.Lock()
	if len(ss.asked) >= ss.server.opts.MaxQuestions {
		ss.mu.Unlock()
		ss.server.counters.questionsRefused.Add(1)
		return nil, fmt.Errorf("mcp: %s: the client has %d questions to answer already", q.method, ss.server.opts.MaxQuestions)
	}
	ss.lastAsked++
	id := ss.lastAsked
	if ss.asked == nil {
		ss.asked = map[uint64]asking{}
	}
	ss.asked[id] = asking{answered}
	ss.mu.Unlock()
	defer func() {
		ss.mu.Lock()
		delete(ss.asked, id)
		ss.mu.Unlock()
	}()

	b := codec.AppendUint([]byte(`{"jsonrpc":"2.0","id":`), id)
	b = append(append(append(b, `,"method":"`...), q.method...), `","params":`...)
	b = append(c.appendRelated(append(b, q.params[:len(q.params)-1]...)), "}}"...)
	if err := c.deliver(b); err != nil {
		return nil, err
	}
	if c.task != nil {
		c.task.waiting(true)
		defer c.task.waiting(false)
	}
	c.engine.Extend(ss.server.opts.AnswerTimeout)
	ctx := c.Context()
	select {
	case r := <-answered:
		if r.err != nil {
			if refused, ok := r.err.(*AskError); ok {
				refused.Method = q.method
			}
			return nil, r.err
		}
		if err := q.judge(r.result); err != nil {
			return nil, fmt.Errorf("mcp: %s: the client's answer is not what the protocol wants: %w", q.method, err)
		}
		return r.result, nil
	case <-ctx.Done():
		cause := context.Cause(ctx)
		if !errors.Is(cause, engine.ErrConnClosed) {
			b := codec.AppendNotificationHead(b[:0], notificationCancelled)
			b = codec.AppendUint(append(b, `{"requestId":`...), id)
			b = append(b, `,"reason":"the request that it was for has ended"}}`...)
			_ = c.deliver(b) // a full queue costs the client a needless question
		}
		return nil, cause
	}
}

// deliver sends a message that belongs to the call: on its own connection, where
// the request is answered, or, for a task on HTTP, whose request was answered, on
// the session's stream.
func (c *Call) deliver(message []byte) error {
	if c.task != nil {
		return c.session.Deliver(message)
	}
	return c.engine.Deliver(message)
}

// ServeResponse takes the answer to a question. One that nobody waits for is
// ignored.
func (ss *session) ServeResponse(_ *engine.Conn, m *codec.Message) {
	id, err := codec.RawValue(m.ID().Raw()).Uint64()
	if err != nil {
		return
	}
	ss.mu.Lock()
	a, ok := ss.asked[id]
	delete(ss.asked, id)
	ss.mu.Unlock()
	if !ok {
		return
	}
	if m.Kind() == codec.KindResult {
		a.answered <- reply{result: bytes.Clone(m.Result().Raw())}
		return
	}
	refused := &AskError{Code: codec.CodeInternal, Message: "no reason given"}
	if v, ok := m.ErrorObject().Get("code"); ok {
		if n, err := v.Int64(); err == nil {
			refused.Code = codec.Code(n)
		}
	}
	if v, ok := m.ErrorObject().Get("message"); ok && len(v.Raw()) <= errorTextMax {
		if text, err := v.StringCopy(); err == nil {
			refused.Message = text
		}
	}
	a.answered <- reply{err: refused}
}
