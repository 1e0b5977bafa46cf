package webclient

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/gannetmcp/gannet/codec"
	"github.com/gannetmcp/gannet/engine/mcp"
	"github.com/gannetmcp/gannet/transports/sse"
)

const (
	streamRead   = 16 << 10
	retryDefault = time.Second           // where the stream does not say
	retryMin     = 20 * time.Millisecond // whatever it says
	retryMax     = time.Minute           // of what doubles
	lingerMax    = 250 * time.Millisecond
	listenMax    = 250 * time.Millisecond // that requests wait for the server's own stream
)

var errTooLong = errors.New("an event is too long")

// events reads a stream to its end, or until on says that it is enough.
func events(r *sse.Reader, body io.Reader, on func(*sse.Event) (enough bool)) error {
	defer r.Release()
	buf := make([]byte, streamRead)
	for {
		n, err := body.Read(buf)
		for p := buf[:n]; ; {
			ev, k, step := r.Next(p)
			p = p[k:]
			if step == sse.More {
				break
			}
			if step == sse.TooLong {
				return errTooLong
			}
			if on(&ev) {
				return nil
			}
		}
		if err != nil {
			return err
		}
	}
}

func (l *link) reader() *sse.Reader {
	r := &sse.Reader{}
	r.Init(l.buffers, sse.ReaderOptions{MaxDataBytes: l.max})
	return r
}

// isMessage reports whether an event is a message. One without data is there for
// its id.
func isMessage(e *sse.Event) bool {
	return len(bytes.TrimSpace(e.Data)) > 0 && (len(e.Name) == 0 || string(e.Name) == sse.NameMessage)
}

// pause is how long to wait before a stream is resumed: what it has said, else
// a time that doubles with each failure.
func pause(r *sse.Reader, failures int) time.Duration {
	if d, said := r.Retry(); said && failures == 0 {
		return max(d, retryMin)
	}
	return min(retryDefault<<min(failures, 6), retryMax)
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// follow reads the event stream that a request was answered with until the
// answer has come, resuming it where the server gives events ids (up to
// 2025-11-25, "Resumability and redelivery").
func (l *link) follow(x *exchange, resp *http.Response) {
	r := l.reader()
	answered := false
	on := func(e *sse.Event) bool {
		if isMessage(e) {
			if done, rpc := l.arrive(x, e.Data); done {
				answered = true
				// The rest of the response, mostly nothing, is read for a while, so
				// that the connection can be used again.
				time.AfterFunc(lingerMax, x.cancel)
			} else if rpc != nil {
				l.fail(x, rpc)
				return true
			}
		}
		return false
	}
	failures := 0
	for {
		err := events(r, resp.Body, on)
		_ = resp.Body.Close()
		switch {
		case answered || x.ctx.Err() != nil:
			return
		case errors.Is(err, errTooLong):
			l.fail(x, l.tooLong())
			return
		case x.modern || len(r.LastEventID()) == 0:
			l.fail(x, fmt.Errorf("%w: the event stream ended before the answer to %s: %w", mcp.ErrBadAnswer, x.method, err))
			return
		}
		for {
			if !sleep(x.ctx, pause(r, failures)) {
				return
			}
			var h http.Header
			resp, h, err = l.get(x.ctx, l.url, r.LastEventID())
			if err == nil && resp.StatusCode == 200 && media(resp) == typeEvents {
				failures = 0
				break
			}
			if err == nil {
				e := l.refusal(resp, l.readError(resp))
				_ = resp.Body.Close()
				if l.sessionOver(resp, h) {
					l.fail(x, e)
					l.over(fmt.Errorf("the server has ended the session: %w", e))
					return
				}
				if err = e; e.Status < 500 {
					failures = l.o.MaxResumes
				}
			}
			if failures++; failures > l.o.MaxResumes {
				l.fail(x, fmt.Errorf("%w: the event stream of %s broke, and could not be resumed: %w", mcp.ErrBadAnswer, x.method, err))
				return
			}
		}
	}
}

// get opens an event stream, or resumes one.
func (l *link) get(ctx context.Context, u *url.URL, lastID []byte) (*http.Response, http.Header, error) {
	h := l.general()
	h.Set("Accept", typeEvents)
	if len(lastID) > 0 {
		h.Set(fieldLastID, string(lastID))
	}
	r, err := l.request(ctx, http.MethodGet, u, h, nil)
	if err != nil {
		return nil, h, fmt.Errorf("webclient: %w", err)
	}
	resp, err := l.http.Do(r)
	if err != nil {
		return nil, h, fmt.Errorf("webclient: %w", err)
	}
	return resp, h, nil
}

// listenFirst begins to listen, and waits until the server has answered, or for
// listenMax: there are servers that drop what they have to say while nobody
// listens, and ones that answer when they have something to say.
func (l *link) listenFirst() {
	answered := make(chan struct{})
	if !l.run(func() { l.listen(answered) }) {
		return
	}
	t := time.NewTimer(listenMax)
	defer t.Stop()
	select {
	case <-answered:
	case <-t.C:
	case <-l.ctx.Done():
	}
}

// listen keeps the stream open by which a server sends what belongs to no
// request. A server may not have one. answered is closed when it has said so,
// or has begun.
func (l *link) listen(answered chan<- struct{}) {
	r := l.reader()
	failures := 0
	for {
		resp, h, err := l.get(l.ctx, l.url, r.LastEventID())
		if answered != nil {
			close(answered)
			answered = nil
		}
		switch {
		case err != nil:
			failures++
		case resp.StatusCode == 200 && media(resp) == typeEvents:
			failures = 0
			err = events(r, resp.Body, func(e *sse.Event) bool {
				if isMessage(e) {
					l.deliver(e.Data)
				}
				return false
			})
			_ = resp.Body.Close()
		default:
			e := l.refusal(resp, l.readError(resp))
			_ = resp.Body.Close()
			switch {
			case l.sessionOver(resp, h):
				l.over(fmt.Errorf("the server has ended the session: %w", e))
				return
			case e.Status == http.StatusMethodNotAllowed:
				return // it has none
			case e.Status < 500 && len(r.LastEventID()) > 0:
				l.log.Warn("the server's event stream cannot be resumed: what it sent meanwhile is lost", "error", e)
				r = l.reader()
				continue
			case e.Status < 500:
				l.log.Warn("no event stream from the server: it cannot tell of changes", "error", e)
				return
			}
			err, failures = e, failures+1
		}
		if l.ctx.Err() != nil {
			return
		}
		l.log.Debug("the server's event stream has ended; it is opened again", "error", err)
		if !sleep(l.ctx, pause(r, failures)) {
			return
		}
	}
}

// openEvents begins HTTP+SSE: an event stream whose first event says where
// messages go. The session ends with the stream.
func (l *link) openEvents(ctx context.Context) error {
	own, cancel := context.WithCancel(l.ctx)
	opened := make(chan error, 1)
	if !l.run(func() {
		defer cancel()
		l.readEvents(own, opened)
	}) {
		cancel()
		return context.Canceled
	}
	timer := time.NewTimer(l.o.EndpointTimeout)
	defer timer.Stop()
	select {
	case err := <-opened:
		return err
	case <-timer.C:
		cancel()
		return fmt.Errorf("webclient: GET %s: the event stream has no event \"endpoint\" after %v; is it one of HTTP+SSE?", l.url.Redacted(), l.o.EndpointTimeout)
	case <-ctx.Done():
		cancel()
		return context.Cause(ctx)
	}
}

// readEvents reads the one event stream of HTTP+SSE. opened is told once what
// became of the beginning.
func (l *link) readEvents(ctx context.Context, opened chan<- error) {
	resp, _, err := l.get(ctx, l.url, nil)
	if err != nil {
		opened <- err
		return
	}
	defer resp.Body.Close()
	if resp.StatusCode != 200 || media(resp) != typeEvents {
		if resp.StatusCode == 200 {
			opened <- fmt.Errorf("webclient: GET %s: Content-Type is %q, not %s; is it the URL of an event stream?", l.url.Redacted(), shown([]byte(resp.Header.Get("Content-Type"))), typeEvents)
			return
		}
		opened <- l.refusal(resp, l.readError(resp))
		return
	}
	var bad error
	known := false
	err = events(l.reader(), resp.Body, func(e *sse.Event) bool {
		switch {
		case !known && string(e.Name) == sse.NameEndpoint:
			u, err := l.url.Parse(string(e.Data))
			if err != nil || !sameOrigin(u, l.url) {
				bad = fmt.Errorf("webclient: GET %s: the event \"endpoint\" names %q, which is not at this server", l.url.Redacted(), shown(e.Data))
				return true
			}
			l.mu.Lock()
			l.endpoint = u
			l.mu.Unlock()
			known = true
			opened <- nil
		case isMessage(e) && known:
			l.arrived(e.Data)
		}
		return false
	})
	switch {
	case bad != nil:
		opened <- bad
	case !known:
		opened <- fmt.Errorf("webclient: GET %s: the event stream ended without an event \"endpoint\": %w", l.url.Redacted(), err)
	case errors.Is(err, errTooLong):
		l.over(l.tooLong())
	default:
		l.over(fmt.Errorf("the event stream has ended: %w", err))
	}
}

// arrived hands over what came in the event stream of HTTP+SSE.
func (l *link) arrived(b []byte) {
	var m codec.Message
	if l.parser.Parse(&m, b) == nil && (m.Kind() == codec.KindResult || m.Kind() == codec.KindError) {
		if x := l.asked(m.ID().Raw()); x != nil {
			if answered, _ := l.arrive(x, b); answered {
				// The POST may not have its response yet. To cancel it now could
				// end the request that has got its connection next: net/http gives
				// the connection away a moment before it has let go of it.
				x.late = time.AfterFunc(l.o.PostTimeout, x.cancel)
				close(x.done)
			}
			return
		}
	}
	l.deliver(b)
}
