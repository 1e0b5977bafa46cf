package load

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gannetmcp/gannet/ringbuf"
	"github.com/gannetmcp/gannet/transports/websocket"
)

// An opening is what opens the session of each connection.
type opening struct {
	where   target
	address unix.Sockaddr
	o       *Options
	headers string          // of each HTTP request, in lines
	secure  *security       // nil without TLS
	sockets *websocket.Loop // nil but of WebSockets
	pool    *ringbuf.Pool   // of event streams; nil but of HTTP/2
	// wait is that of the sockets; nil is poll.
	wait func(k *socket, events int16, deadline time.Time) error
}

// newOpening finds where the target is.
func newOpening(where target, o *Options, secure *security) (*opening, error) {
	p := &opening{where: where, o: o, secure: secure}
	for _, h := range o.Headers {
		p.headers += h + "\r\n"
	}
	if where.network == "stdio" {
		return p, nil
	}
	switch {
	case where.ws:
		p.sockets = newWebSockets()
	case where.h2:
		p.pool = ringbuf.NewPool(ringbuf.PoolOptions{})
	}
	var err error
	p.address, err = resolve(&where)
	return p, err
}

// head begins a request of HTTP, up to what its method needs more.
func (p *opening) head(method, path, revision, session string) []byte {
	b := method + " " + path + " HTTP/1.1\r\nHost: " + p.where.host + "\r\n" + p.headers
	if revision != "" {
		b += "MCP-Protocol-Version: " + revision + "\r\n"
	}
	if session != "" {
		b += "Mcp-Session-Id: " + session + "\r\n"
	}
	return []byte(b)
}

// lead is what each request of a connection begins with.
func (p *opening) lead(path, revision, session string) []byte {
	return append(p.head("POST", path, revision, session), "Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n"...)
}

// introduce has requests of c say what each of them says from now on.
func (p *opening) introduce(c *conn, path, revision, session string) {
	switch {
	case c.h2 != nil:
		c.h2.say(p.fields("POST", path, revision, session))
	case p.where.http:
		c.lead = p.lead(path, revision, session)
	}
}

// open opens the session of c, whose first socket is connected. What arrives behind
// the answer stays in c.tail.
func (p *opening) open(c *conn, from net.IP) error {
	deadline := time.Now().Add(p.o.Timeout)
	path := p.where.path
	if p.where.http {
		c.http = &responseReader{}
	}
	if p.where.sse {
		var err error
		if path, err = p.subscribe(c, from, deadline); err != nil {
			return err
		}
	}
	switch {
	case p.where.ws:
		if err := p.upgrade(c, deadline); err != nil {
			return err
		}
	case p.where.h2:
		p.speak(c)
	}
	revision := ""
	if p.o.modern() && !p.o.raw() {
		revision = p.o.Revision
	}
	p.introduce(c, path, revision, "")
	if p.o.raw() || p.o.modern() {
		if c.h2 != nil {
			return c.greet(deadline)
		}
		return nil
	}
	reply, err := c.ask([]byte(initializeLine(p.o.Revision)), deadline)
	for {
		if err != nil {
			return fmt.Errorf("initialize: %w", err)
		}
		revision, err1 := checkInitialize(reply)
		if err1 != nil {
			return err1
		}
		if revision != "" {
			switch {
			case c.h2 != nil:
				c.revision, c.session = revision, c.h2.exchanges[c.h2.at].head.session
			case p.where.http && !p.where.sse:
				c.revision, c.session = revision, c.http.head.session
			}
			if c.revision != "" {
				p.introduce(c, path, revision, c.session)
			}
			break
		}
		reply, err = c.message(deadline)
	}
	if err := c.finish(deadline); err != nil {
		return fmt.Errorf("initialize: %w", err)
	}
	if err := c.post([]byte(initializedLine), deadline); err != nil {
		return err
	}
	if c.http != nil && c.acks == nil || c.h2 != nil {
		if err := c.finish(deadline); err != nil {
			return fmt.Errorf("notifications/initialized: %w", err)
		}
	}
	if p.where.aside {
		return p.listen(c, from, deadline)
	}
	return nil
}

// listen opens the event stream that the session of c has beside its requests, on a
// connection of its own, up to the head of the server's answer.
func (p *opening) listen(c *conn, from net.IP, deadline time.Time) error {
	k, err := p.connect(from, deadline)
	if err != nil {
		return err
	}
	c.aside, c.events = k, &responseReader{}
	get := append(p.head("GET", p.where.path, c.revision, c.session), "Accept: text/event-stream\r\n\r\n"...)
	if err := k.writeAll(get, deadline); err != nil {
		return fmt.Errorf("event stream: %w", err)
	}
	for {
		msg, n, step := c.events.next(c.rest)
		switch {
		case step == responseBad:
			return fmt.Errorf("event stream: %w", errFraming)
		case c.events.inBody && c.events.head.stream && c.events.head.status == http200:
			// What comes with the head comes before the load.
			c.rest = append(c.rest[:0], c.rest[n:]...)
			return nil
		case step == responseMessage || step == responseEnd:
			return fmt.Errorf("event stream: the server offers none: HTTP status %d %.200q", c.events.head.status, msg)
		}
		c.rest = append(c.rest[:0], c.rest[n:]...)
		if err := k.readMore(&c.rest, deadline); err != nil {
			return fmt.Errorf("event stream: %w", err)
		}
	}
}

// http200 is the status of an event stream.
const http200 = 200

// subscribe opens the event stream of c on its descriptor, and one more
// connection for requests; it returns where these go to.
func (p *opening) subscribe(c *conn, from net.IP, deadline time.Time) (path string, err error) {
	get := append(p.head("GET", p.where.path, "", ""), "Accept: text/event-stream\r\n\r\n"...)
	if err := c.r.writeAll(get, deadline); err != nil {
		return "", err
	}
	msg, err := c.message(deadline)
	if err != nil {
		return "", fmt.Errorf("event stream: %w", err)
	}
	if string(c.http.event) != "endpoint" {
		return "", fmt.Errorf("event stream: the first event is %q, not endpoint", c.http.event)
	}
	u, err := url.Parse(string(msg))
	if err != nil {
		return "", fmt.Errorf("event stream: endpoint %.100q: %w", msg, err)
	}
	base := &url.URL{Scheme: p.where.web(), Host: p.where.host, Path: p.where.path}
	u = base.ResolveReference(u)
	if u.Host != p.where.host || u.Scheme != base.Scheme {
		return "", fmt.Errorf("event stream: endpoint %.100q is on another host", msg)
	}
	w, err := p.connect(from, deadline)
	if err != nil {
		return "", err
	}
	c.w, c.acks = w, &responseReader{}
	return u.RequestURI(), nil
}

// post sends one message outside of the load, and waits for its acknowledgement
// where that comes on another connection than replies do.
func (c *conn) post(line []byte, deadline time.Time) error {
	b := line
	switch {
	case c.ws != nil:
		b = c.ws.frame(line)
	case c.h2 != nil:
		b = c.h2.appendRequest(nil, newNote(bytes.TrimSuffix(line, []byte("\n"))), noRequest)
	}
	if c.http != nil {
		body := bytes.TrimSuffix(line, []byte("\n"))
		b = append(append([]byte(nil), c.lead...), fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body)...)
	}
	if err := c.w.writeAll(b, deadline); err != nil {
		return err
	}
	if c.acks == nil {
		return nil
	}
	return drainResponse(c.acks, c.w, &c.ackTail, deadline)
}

// ask sends a request outside of the load and returns the first message that
// comes.
func (c *conn) ask(line []byte, deadline time.Time) ([]byte, error) {
	if err := c.post(line, deadline); err != nil {
		return nil, err
	}
	return c.message(deadline)
}

// finish reads to the end of the HTTP responses in hand, if there are any.
func (c *conn) finish(deadline time.Time) error {
	if c.h2 != nil {
		return c.finishHTTP2(deadline)
	}
	if c.http == nil || c.acks != nil {
		return nil
	}
	return drainResponse(c.http, c.r, &c.tail, deadline)
}

// drainResponse reads up to the end of a response, which must be of success.
func drainResponse(r *responseReader, k *socket, tail *[]byte, deadline time.Time) error {
	for {
		_, step, err := readResponse(r, k, tail, deadline)
		if err != nil {
			return err
		}
		if step == responseEnd {
			if r.head.status/100 != 2 {
				return fmt.Errorf("HTTP status %d", r.head.status)
			}
			return nil
		}
	}
}

// message returns the next message, for the caller to keep.
func (c *conn) message(deadline time.Time) ([]byte, error) {
	switch {
	case c.ws != nil:
		return c.readFrame(deadline)
	case c.h2 != nil:
		return c.messageHTTP2(deadline)
	case c.http == nil:
		return c.readLine(deadline)
	}
	msg, step, err := readResponse(c.http, c.r, &c.tail, deadline)
	switch {
	case err != nil:
		return nil, err
	case step == responseEnd && c.http.head.status/100 != 2:
		return nil, fmt.Errorf("HTTP status %d", c.http.head.status)
	case step == responseEnd:
		return nil, errors.New("an HTTP response without a message")
	case c.http.head.status/100 != 2:
		return nil, fmt.Errorf("HTTP status %d: %.300q", c.http.head.status, msg)
	}
	return msg, nil
}

// readResponse reads until a message or the end of a response. The message is
// the caller's.
func readResponse(r *responseReader, k *socket, tail *[]byte, deadline time.Time) ([]byte, responseStep, error) {
	for {
		msg, n, step := r.next(*tail)
		msg = bytes.Clone(msg)
		*tail = append((*tail)[:0], (*tail)[n:]...)
		switch step {
		case responseBad:
			return nil, step, errFraming
		case responseMessage, responseEnd:
			return msg, step, nil
		}
		if err := k.readMore(tail, deadline); err != nil {
			return nil, step, err
		}
	}
}

// probe asks once for a kind and learns from the reply what replies look like.
func (c *conn) probe(t *template, kind uint8, timeout time.Duration) (*shape, error) {
	deadline := time.Now().Add(timeout)
	id := c.window.give(0, 0, kind)
	if err := c.w.writeAll(c.appendRequest(nil, t, id), deadline); err != nil {
		return nil, err
	}
	if c.acks != nil {
		if err := drainResponse(c.acks, c.w, &c.ackTail, deadline); err != nil {
			return nil, err
		}
	}
	for {
		reply, err := c.message(deadline)
		if err != nil {
			return nil, fmt.Errorf("first reply to %s: %w", t.name, err)
		}
		if v, _ := parseReply(reply); v.kind == replyNotification {
			continue
		}
		c.window.take(id)
		sh, err := learnShape(t, reply, id)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", t.name, err)
		}
		return sh, c.finish(deadline)
	}
}

// readLine returns the next line, newline included, for the caller to keep.
func (c *conn) readLine(deadline time.Time) ([]byte, error) {
	seen := 0
	for {
		if i := bytes.IndexByte(c.tail[seen:], '\n'); i >= 0 {
			line := bytes.Clone(c.tail[:seen+i+1])
			c.tail = append(c.tail[:0], c.tail[seen+i+1:]...)
			return line, nil
		}
		if seen = len(c.tail); seen > maxReadBuffer {
			return nil, errOversize
		}
		if err := c.r.readMore(&c.tail, deadline); err != nil {
			return nil, err
		}
	}
}
