package mcp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"

	"github.com/gannetmcp/gannet/codec"
	"github.com/gannetmcp/gannet/engine"
)

// handles reports whether the client declared that it answers a method.
func (o *ClientOptions) handles(method string, rev *revision) bool {
	switch method {
	case askSampling:
		return o.Sampling != nil
	case askElicitation:
		return o.Elicitation != nil && rev.elicitation
	case askRoots:
		return o.Roots != nil
	}
	return false
}

// answerInput answers what a server asks, by request or in place of a result.
func (s *ClientSession) answerInput(ctx context.Context, rev *revision, method string, raw json.RawMessage) (json.RawMessage, error) {
	o := &s.client.opts
	if !o.handles(method, rev) {
		return nil, &Error{Code: codec.CodeMethodNotFound, Message: "Method not found: the client did not declare what " + clip(method, versionShown) + " needs"}
	}
	if len(raw) == 0 {
		raw = json.RawMessage("{}")
	}
	var result any
	var err error
	switch method {
	case askSampling:
		result, err = s.sample(ctx, rev, raw)
	case askElicitation:
		result, err = s.elicit(ctx, rev, raw)
	case askRoots:
		var roots []Root
		if roots, err = o.Roots(ctx); roots == nil {
			roots = []Root{}
		}
		result = map[string]any{"roots": roots}
	}
	if err != nil {
		return nil, err
	}
	return json.Marshal(result)
}

// ServeRequest serves what the server asks: a ping at once, the rest by
// handlers on the worker pool.
func (l *link) ServeRequest(c *engine.Call) {
	rev := l.rev.Load()
	if rev == nil {
		rev = latestLegacy
	}
	method := string(c.Method())
	switch {
	case rev.modern:
		c.Error(codec.CodeInvalidRequest, "Invalid Request: in revision "+rev.name+" servers do not ask", nil)
	case method == askPing:
		c.EndUrgentResult(append(c.BeginResult(), "{}"...))
	case l.session.client.opts.handles(method, rev):
		c.Submit(l)
	default:
		c.Error(codec.CodeMethodNotFound, "Method not found: "+clip(method, versionShown), nil)
	}
}

// RunCall answers a request on the worker pool. The handler's context ends
// when the server cancels the request, and with the connection.
func (l *link) RunCall(c *engine.Call) {
	method := string(c.Method())
	rev := l.rev.Load()
	if rev == nil {
		rev = latestLegacy
	}
	result, err := l.session.answerInput(c.Context(), rev, method, bytes.Clone(c.Params().Raw()))
	var rpc *Error
	switch {
	case err == nil:
		c.Result(result)
	case errors.As(err, &rpc):
		data := rpc.Data
		if bytes.ContainsAny(data, "\r\n") { // the framing has no room for line breaks
			data = appendOneLine(nil, data)
		}
		c.Error(rpc.Code, clipText(rpc.Message), data)
	default:
		// What is wrong here is not for the server to know.
		l.session.client.opts.Logger.Error("handler failed", "method", method, "error", err)
		c.Fail(codec.ErrInternal)
	}
}
