package webclient

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"time"

	"github.com/gannetmcp/gannet/codec"
	"github.com/gannetmcp/gannet/engine/mcp"
)

// tell posts a message that is not answered. It reports whether the server has
// accepted it; the session can do nothing about it if not.
func (l *link) tell(h http.Header, b []byte, what string) bool {
	ctx, cancel := context.WithTimeout(l.ctx, l.o.PostTimeout)
	defer cancel()
	resp, err := l.post(ctx, h, b)
	if err == nil {
		defer resp.Body.Close()
		if resp.StatusCode/100 == 2 {
			l.drain(resp.Body)
			return true
		}
		err = l.refusal(resp, l.readError(resp))
		if l.sessionOver(resp, h) {
			l.over(err)
		}
	}
	if l.ctx.Err() == nil {
		l.log.Warn("a message was not accepted by the server", "message", what, "error", err)
	}
	return false
}

// post sends one message.
func (l *link) post(ctx context.Context, h http.Header, b []byte) (*http.Response, error) {
	r, err := l.request(ctx, http.MethodPost, l.at(), h, b)
	if err != nil {
		return nil, fmt.Errorf("webclient: %w", err)
	}
	resp, err := l.http.Do(r)
	if err != nil {
		return nil, fmt.Errorf("webclient: %w", err)
	}
	return resp, nil
}

// drainMax is how much of a body that means nothing is read to keep its
// connection.
const drainMax = 4 << 10

func (l *link) drain(r io.Reader) { _, _ = io.CopyN(io.Discard, r, drainMax) }

// sessionOver reports whether a response says that the server does not know the
// session of the request (any more).
func (l *link) sessionOver(resp *http.Response, h http.Header) bool {
	return resp.StatusCode == http.StatusNotFound && (h.Get(fieldSession) != "" || l.at() != l.url)
}

// ask posts a request and sees to its answer.
func (l *link) ask(x *exchange, h http.Header, b []byte) {
	resp, err := l.post(x.ctx, h, b)
	if err != nil {
		l.fail(x, err)
		return
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		l.refused(x, h, b, resp)
		return
	}
	if l.at() != l.url { // HTTP+SSE: it comes in the event stream
		l.drain(resp.Body)
		_ = resp.Body.Close()
		l.await(x.ctx, x.done)
		return
	}
	if x.method == methodInitialize {
		l.mu.Lock()
		l.id = resp.Header.Get(fieldSession)
		l.mu.Unlock()
	}
	switch media(resp) {
	case typeJSON:
		body, err := l.readBody(resp)
		if err != nil {
			l.fail(x, err)
			return
		}
		if answered, rpc := l.arrive(x, body); !answered {
			if rpc != nil {
				l.fail(x, rpc)
				return
			}
			l.fail(x, fmt.Errorf("%w: the response to %s has no answer to it: %s", mcp.ErrBadAnswer, x.method, shown(body)))
		}
	case typeEvents:
		l.follow(x, resp)
	default:
		l.fail(x, fmt.Errorf("%w: the response to %s is %d with Content-Type %q; is %s an MCP endpoint?", mcp.ErrBadAnswer, x.method, resp.StatusCode, resp.Header.Get("Content-Type"), l.url.Redacted()))
	}
}

func media(resp *http.Response) string {
	t, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	return t
}

// readBody reads a whole body within the limit.
func (l *link) readBody(resp *http.Response) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(resp.Body, int64(l.max)+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("webclient: the response broke off: %w", err)
	case len(b) > l.max:
		return nil, l.tooLong()
	}
	return b, nil
}

func (l *link) tooLong() error {
	return fmt.Errorf("%w: a message of more than %d bytes; raise Options.Dial.Engine.MaxMessageBytes if that is right", mcp.ErrBadAnswer, l.max)
}

// arrive hands over what came for a request, and reports whether it was the
// answer. An error that names no request is returned instead.
func (l *link) arrive(x *exchange, b []byte) (answered bool, rpc *mcp.Error) {
	var m codec.Message
	if err := l.parser.Parse(&m, b); err != nil {
		if m.ID().IsSet() && string(m.ID().Raw()) == strconv.FormatUint(x.id, 10) {
			answered = l.take(x)
		}
		l.deliver(b) // it is counted as malformed, and fails what it names
		return answered, nil
	}
	switch m.Kind() {
	case codec.KindBatch:
		for it := m.Batch(); ; {
			one, more := it.Next()
			if !more {
				break
			}
			var inner codec.Message
			if l.parser.Parse(&inner, one) == nil && answers(x, &inner) {
				l.learn(x, one, inner.Result())
				answered = true
			}
		}
	case codec.KindResult, codec.KindError:
		if answered = answers(x, &m); answered {
			b = l.learn(x, b, m.Result())
		} else if raw := m.ID().Raw(); m.Kind() == codec.KindError && (len(raw) == 0 || string(raw) == "null") {
			return false, rpcError(m.ErrorObject())
		}
	}
	if answered {
		l.take(x)
	}
	l.deliver(b)
	return answered, nil
}

// answers reports whether a message is the answer to a request.
func answers(x *exchange, m *codec.Message) bool {
	return (m.Kind() == codec.KindResult || m.Kind() == codec.KindError) && string(m.ID().Raw()) == strconv.FormatUint(x.id, 10)
}

func rpcError(o codec.Object) *mcp.Error {
	code, _ := o.Get("code")
	n, _ := code.Int64()
	e := &mcp.Error{Code: codec.Code(n)}
	if v, _ := o.Get("message"); v.Kind() == codec.String {
		e.Message, _ = v.StringCopy()
	}
	if v, ok := o.Get("data"); ok {
		e.Data = append(e.Data, v.Raw()...)
	}
	return e
}

// readError reads the body of a response that is no success: of an error of
// JSON-RPC all of it.
func (l *link) readError(resp *http.Response) []byte {
	stop := time.AfterFunc(l.o.PostTimeout, func() { _ = resp.Body.Close() })
	defer stop.Stop()
	b, _ := l.readBody(resp)
	return b
}

// refusal makes an error of a response that is no success.
func (l *link) refusal(resp *http.Response, body []byte) *StatusError {
	e := &StatusError{
		Method: resp.Request.Method, URL: resp.Request.URL.Redacted(), Status: resp.StatusCode,
		Challenge: shown([]byte(resp.Header.Get("WWW-Authenticate"))), RetryAfter: shown([]byte(resp.Header.Get("Retry-After"))),
	}
	var m codec.Message
	if l.parser.Parse(&m, body) == nil && m.Kind() == codec.KindError {
		e.RPC = rpcError(m.ErrorObject())
	} else {
		e.Body = shown(body)
	}
	return e
}

// refused sees to a request that has no success: its answer may be an error of
// JSON-RPC all the same, the session may have ended, or the server may be one of
// HTTP+SSE.
func (l *link) refused(x *exchange, h http.Header, b []byte, resp *http.Response) {
	body := l.readError(resp)
	e := l.refusal(resp, body)
	var m codec.Message
	named := l.parser.Parse(&m, body) == nil && m.Kind() == codec.KindError && answers(x, &m)
	if l.sessionOver(resp, h) && !(named && e.RPC.Code == codec.CodeMethodNotFound) {
		l.fail(x, e)
		l.over(fmt.Errorf("the server has ended the session: %w", e))
		return
	}
	if named {
		l.arrive(x, body)
		return
	}
	if x.method == methodInitialize && l.at() == l.url && errors.Is(e, mcp.ErrNotServed) && !modernError(e.RPC) {
		ctx, cancel := context.WithTimeout(x.ctx, l.o.EndpointTimeout)
		defer cancel()
		if err := l.openEvents(ctx); err != nil {
			l.fail(x, fmt.Errorf("%w; nor does it serve HTTP+SSE: %w", e, err))
			return
		}
		l.ask(x, h, b)
		return
	}
	l.fail(x, e)
}

// modernError reports whether an error tells of a server of the modern era.
func modernError(e *mcp.Error) bool {
	return e != nil && (e.Code == codec.CodeHeaderMismatch || e.Code == codec.CodeMissingCapability || e.Code == codec.CodeUnsupportedVersion)
}
