package mcp

import (
	"sync"
	"time"

	"github.com/gannetmcp/gannet/engine"
)

// serveGet opens a stream of a session: the one for what the server says of its
// own accord, or what has broken off, from behind Last-Event-ID.
func (h *httpConn) serveGet() {
	r := h.x.Request
	if accept, n := r.Header("Accept"); n == 0 || !accepts(accept, "text/event-stream") {
		h.text(406, "Accept must have text/event-stream; MCP itself is spoken by POST.")
		return
	}
	if h.x.NoEvents {
		h.text(505, "An event stream needs HTTP/1.1.")
		return
	}
	id, n := r.Header(headerSession)
	if n == 0 {
		h.text(400, headerSession+" is missing; send initialize by POST first.")
		return
	}
	hs := h.find(id)
	switch {
	case hs != nil && hs.principal != h.principal:
		h.text(403, "The session is another's.")
		return
	case hs == nil:
		h.text(404, "The session is unknown, or has ended; initialize another.")
		return
	}
	hs.used(h.conn)
	last, resumes := r.Header("Last-Event-ID")
	if resumes > 0 && len(last) > 0 {
		h.resume(hs, last)
		return
	}
	es := hs.listen(h.conn)
	if es == nil {
		h.text(409, "The session has a stream already.")
		return
	}
	h.begin(hs)
	h.x.Events = listening{hs, es}
	h.conn.BeginStream()
}

// begin makes the response a stream of a session, that ends when the session
// says so.
func (h *httpConn) begin(hs *httpSession) {
	h.stream = hs
	h.streams()
	h.x.Endless, h.x.EndsWithPeer = true, true
	h.conn.KeepIdle(true)
}

// resume goes on with the stream of an event, behind it.
func (h *httpConn) resume(hs *httpSession, last []byte) {
	missed, ended, err := hs.resume(h.conn, last)
	if err != nil {
		h.server.counters.resumesRefused.Add(1)
		h.text(400, "The stream cannot be resumed: "+err.Error()+". Send the request again, or open a stream without Last-Event-ID.")
		return
	}
	h.begin(hs)
	h.conn.BeginStream()
	for _, e := range missed {
		h.conn.Event(e.Bytes())
		e.Release()
	}
	if ended {
		endStream(h.conn)
	}
}

// streams has the connection's stream kept alive.
func (h *httpConn) streams() {
	if !h.streaming {
		h.streaming = true
		h.server.streams.begun(h.server)
	}
}

// streamTimer has all event streams of a server kept alive, as long as there are
// any: those of sessions, of listeners, of HTTP with SSE.
type streamTimer struct {
	mu    sync.Mutex // protects what follows
	n     int
	timer *time.Timer
}

func (st *streamTimer) begun(s *Server) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.n++
	if st.timer == nil {
		st.timer = time.AfterFunc(s.opts.HTTP.KeepAlive, func() { st.tick(s) })
	}
}

func (st *streamTimer) ended() {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.n--; st.n == 0 && st.timer != nil {
		st.timer.Stop()
		st.timer = nil
	}
}

// tick adds a comment to each stream, each on its loop.
func (st *streamTimer) tick(s *Server) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.n == 0 {
		return
	}
	st.timer = time.AfterFunc(s.opts.HTTP.KeepAlive, func() { st.tick(s) })
	s.announcer.each(func(e *engine.Engine) {
		e.EachLoop(0, func(l *engine.Loop) {
			for c := range l.Conns() {
				if c.Exchange() != nil {
					c.Comment()
				}
			}
		})
	})
}

// serveDelete ends a session.
func (h *httpConn) serveDelete() {
	id, n := h.x.Request.Header(headerSession)
	if n == 0 {
		h.text(400, headerSession+" is missing.")
		return
	}
	hs := h.find(id)
	if hs == nil {
		h.text(404, "The session is unknown, or has ended.")
		return
	}
	if hs.principal != h.principal {
		h.text(403, "The session is another's.")
		return
	}
	h.server.sessions.bury(h.server, hs)
	h.conn.Respond(204, "", nil)
}

// serveSSE begins HTTP with SSE (2024-11-05): a stream that says where the
// client's messages go. What they mean is that of any connection: they are served
// on the stream's own, where their answers go.
func (h *httpConn) serveSSE() {
	const methods = "GET, OPTIONS"
	switch string(h.x.Request.Method()) {
	case "GET":
	case "OPTIONS":
		h.preflight(methods)
		return
	default:
		h.notAllowed(methods)
		return
	}
	if accept, n := h.x.Request.Header("Accept"); n > 0 && !accepts(accept, "text/event-stream") {
		h.text(406, "Accept must have text/event-stream.")
		return
	}
	if h.x.NoEvents {
		h.text(505, "An event stream needs HTTP/1.1.")
		return
	}
	key := h.server.sessions.beginSSE(h.server, h)
	if key == "" {
		h.header("Retry-After", "1")
		h.text(503, "No room for a session; try again later.")
		return
	}
	h.sse = key
	h.streams()
	h.x.Endless, h.x.EndsWithPeer = true, true
	h.x.Events = endpointEvent(h.x.Prefix + h.server.opts.HTTP.MessagePath + "?sessionId=" + key)
	h.conn.KeepIdle(true)
	h.conn.SetHandler(&sseConn{session: &h.own, http: h})
	h.conn.BeginStream()
}

// endpointEvent begins a stream of HTTP with SSE: where messages go.
type endpointEvent string

// AppendHead appends the event.
func (e endpointEvent) AppendHead(dst []byte) []byte {
	return append(append(append(dst, "event: endpoint\ndata: "...), e...), "\n\n"...)
}

// AppendID appends nothing: the revision has no ids.
func (endpointEvent) AppendID(dst []byte) []byte { return dst }

// Keep keeps nothing.
func (endpointEvent) Keep([]byte) bool { return false }

// End has nothing to end.
func (endpointEvent) End() {}

// sseConn serves the messages of a connection of HTTP with SSE.
type sseConn struct {
	*session
	http *httpConn
}

// CloseConn ends what belongs to the connection.
func (c *sseConn) CloseConn(conn *engine.Conn, r engine.CloseReason) { c.http.CloseConn(conn, r) }

// DrainConn ends the stream.
func (c *sseConn) DrainConn(conn *engine.Conn) { c.http.DrainConn(conn) }

// serveMessage takes a message of HTTP with SSE.
func (h *httpConn) serveMessage() {
	const methods = "POST, OPTIONS"
	r := h.x.Request
	switch string(r.Method()) {
	case "POST":
	case "OPTIONS":
		h.preflight(methods)
		return
	default:
		h.notAllowed(methods)
		return
	}
	if ct, _ := r.Header("Content-Type"); !mediaType(ct, "application/json") {
		h.text(415, "Content-Type must be application/json.")
		return
	}
	const key = "sessionId="
	q := r.Query()
	if len(q) <= len(key) || string(q[:len(key)]) != key {
		h.text(400, "sessionId is missing; it is in the endpoint that "+h.server.opts.HTTP.SSEPath+" tells.")
		return
	}
	to := h.server.sessions.findSSE(q[len(key):])
	if to != nil && to.own.sender != h.principal {
		h.text(403, "The session is another's.")
		return
	}
	if to == nil {
		h.noSSE()
		return
	}
	body, ok := h.x.ReadBody()
	if !ok {
		return
	}
	switch ok, full := to.inbox.put(body, h.server.originOf(r)); {
	case full:
		h.header("Retry-After", "1")
		h.text(503, "Too many messages wait for the stream; send this one again later.")
		return
	case !ok:
		h.noSSE()
		return
	}
	h.conn.Respond(202, "text/plain; charset=utf-8", acceptedText)
}

// acceptedText is the body of the answer to a message.
var acceptedText = []byte("Accepted")

// noSSE answers a message to a connection of HTTP with SSE that there is not, or no
// longer.
func (h *httpConn) noSSE() {
	h.text(404, "The session is unknown, or has ended; open "+h.server.opts.HTTP.SSEPath+" again.")
}

// beginSSE notes a connection and returns its key, "" if there is no room.
func (st *sessionTable) beginSSE(s *Server, h *httpConn) string {
	st.mu.Lock()
	defer st.mu.Unlock()
	if len(st.byID)+len(st.sse) >= s.opts.HTTP.MaxSessions {
		s.counters.sessionsRefused.Add(1)
		return ""
	}
	if st.sse == nil {
		st.sse = map[string]*httpConn{}
	}
	key := newSessionID()
	h.own.sender, h.inbox = h.principal, newInbox(h)
	st.sse[key] = h
	return key
}

func (st *sessionTable) findSSE(key []byte) *httpConn {
	st.mu.RLock()
	defer st.mu.RUnlock()
	return st.sse[string(key)]
}

func (st *sessionTable) endSSE(key string) {
	st.mu.Lock()
	defer st.mu.Unlock()
	delete(st.sse, key)
}

// servePage answers people who look at the server with a browser.
func (h *httpConn) servePage() {
	switch string(h.x.Request.Method()) {
	case "GET", "HEAD":
	default:
		h.notAllowed("GET, HEAD")
		return
	}
	h.conn.Respond(200, "text/html; charset=utf-8", h.server.page(h.base()))
}
