package mcp

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gannetmcp/gannet/codec"
	"github.com/gannetmcp/gannet/engine"
)

// webRequest is a request that was never sent.
type webRequest struct {
	method, path, query string
	header              map[string]string
}

func (r *webRequest) Method() []byte { return []byte(r.method) }
func (r *webRequest) Path() []byte   { return []byte(r.path) }
func (r *webRequest) Query() []byte  { return []byte(r.query) }
func (r *webRequest) Host() []byte   { return []byte("localhost") }
func (r *webRequest) Header(name string) ([]byte, int) {
	v, ok := r.header[name]
	if !ok {
		return nil, 0
	}
	return []byte(v), 1
}

// webFraming writes down what is answered.
type webFraming struct {
	x      *engine.Exchange
	answer bool
	status int
	body   string

	comments int
}

func (f *webFraming) Open(dst []byte, answer bool) []byte { f.answer = answer; return dst }
func (f *webFraming) Close(dst []byte, at int, code codec.Code) []byte {
	f.body += string(dst[at:])
	if f.answer {
		f.status = 200
		if code != 0 && f.x.Status != nil {
			f.status = f.x.Status(code)
		}
		f.x.Done = true
	}
	return append(dst, '\n')
}
func (*webFraming) Abort(dst []byte, at int) []byte { return dst[:at] }
func (*webFraming) Boundary(b []byte) int           { return len(b) }
func (f *webFraming) Respond(dst []byte, status int, _ string, body []byte) []byte {
	f.status, f.body, f.x.Done = status, string(body), true
	return append(dst, '\n')
}
func (f *webFraming) BeginStream(dst []byte) []byte { f.status, f.x.Begun = 200, true; return dst }
func (f *webFraming) Comment(dst []byte) []byte     { f.comments++; return append(dst, '\n') }
func (f *webFraming) Event(dst, event []byte) []byte {
	f.body += string(event)
	return append(dst, '\n')
}
func (f *webFraming) CutStream(dst []byte) []byte { return dst }
func (f *webFraming) EndStream(dst []byte) []byte { f.x.Done = true; return dst }
func (f *webFraming) Exchange() *engine.Exchange  { return f.x }

// webClient makes requests without a socket, each on a connection of its own.
type webClient struct {
	t *testing.T
	l *engine.Loop
	w *lost
}

func newWebClient(t *testing.T, s *Server) *webClient {
	w := &lost{now: 1e9}
	e, err := engine.New(s, engine.Options{Clock: w, Executor: lostExecutor{w}})
	if err != nil {
		t.Fatal(err)
	}
	return &webClient{t, e.NewLoop(w), w}
}

// do makes one request and returns what it was answered.
func (c *webClient) do(method, path, body string, header map[string]string) (*engine.Conn, *webFraming) {
	f := &webFraming{}
	c.l.Begin()
	conn := c.l.OpenHTTP(c.w, f)
	f.x = &engine.Exchange{Request: &webRequest{method, path, "", header}, Body: []byte(body)}
	conn.ServeExchange(f.x)
	c.l.End()
	return conn, f
}

// session opens a session and returns its id, "" if there was no room.
func (c *webClient) session() (id string, status int) {
	_, f := c.do("POST", "/mcp", `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{}}}`,
		map[string]string{"Content-Type": "application/json"})
	_, id, _ = strings.Cut(string(f.x.Header), headerSession+": ")
	id, _, _ = strings.Cut(id, "\r\n")
	if f.status != 200 {
		id = ""
	}
	return id, f.status
}

func (c *webClient) ping(id string) (status int) {
	_, f := c.do("POST", "/mcp", `{"jsonrpc":"2.0","id":1,"method":"ping"}`, map[string]string{"Content-Type": "application/json", headerSession: id})
	return f.status
}

// Sessions of HTTP are bounded in number and in idle time; what has ended makes
// room, and one that is used, or has a stream, does not end.
func TestHTTPSessionLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewServer(Options{Name: "limits", HTTP: HTTPOptions{MaxSessions: 3, SessionIdle: time.Minute}})
		c := newWebClient(t, s)
		a, _ := c.session()
		b, _ := c.session()
		streaming, _ := c.session()
		if _, status := c.session(); status != 503 {
			t.Errorf("a fourth session: %d", status)
		}
		conn, f := c.do("GET", "/mcp", "", map[string]string{"Accept": "text/event-stream", headerSession: streaming})
		if f.status != 200 || f.x.Done {
			t.Errorf("the stream: %d, %s", f.status, f.body)
		}
		for range 5 {
			time.Sleep(30 * time.Second)
			if status := c.ping(a); status != 200 {
				t.Errorf("a session in use: %d", status)
			}
		}
		if status := c.ping(b); status != 404 {
			t.Errorf("an idle session: %d", status)
		}
		if status := c.ping(streaming); status != 200 {
			t.Errorf("a session with a stream: %d", status)
		}
		c.l.Begin()
		conn.Close(engine.CloseReset)
		c.l.End()
		if d, status := c.session(); d == "" {
			t.Errorf("there is no room: %d", status)
		}
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if n := len(s.sessions.byID) + len(s.sessions.sse); n != 0 || s.sessions.timer != nil {
			t.Errorf("%d sessions are left, timer %v", n, s.sessions.timer)
		}
	})
}

// A hundred thousand sessions that were opened and abandoned leave nothing once
// they are idle.
func TestAbandonedHTTPSessions(t *testing.T) {
	sessions := 100_000
	if testing.Short() || raceEnabled {
		sessions = 5000
	}
	synctest.Test(t, func(t *testing.T) {
		s := NewServer(Options{Name: "leak", HTTP: HTTPOptions{MaxSessions: 1000, SessionIdle: time.Minute}})
		s.HandleResourceTemplate(ResourceTemplate{URITemplate: "test://{id}"}, Inline, func(*Call) error { return ErrNotFound })
		c := newWebClient(t, s)
		opened := 0
		for range sessions / 1000 {
			for i := range 1000 {
				id, _ := c.session()
				if id == "" {
					continue
				}
				opened++
				if i%3 == 0 {
					c.do("POST", "/mcp", `{"jsonrpc":"2.0","id":1,"method":"resources/subscribe","params":{"uri":"test://shared"}}`, map[string]string{"Content-Type": "application/json", headerSession: id})
				}
			}
			c.l.Begin()
			for conn := range c.l.Conns() {
				conn.Close(engine.CloseReset)
			}
			c.l.End()
			time.Sleep(3 * time.Minute)
		}
		if opened < sessions*9/10 {
			t.Errorf("%d sessions opened", opened)
		}
		synctest.Wait()
		if n := len(s.sessions.byID); n != 0 || s.updates.Len() != 0 || s.updates.Subscriptions() != 0 {
			t.Errorf("%d sessions, %d topics, %d subscriptions are left", n, s.updates.Len(), s.updates.Subscriptions())
		}
	})
}

// Event streams get a comment each period, and only they, as long as they are
// there; then no timer is left.
func TestHTTPKeepAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewServer(Options{Name: "alive", HTTP: HTTPOptions{KeepAlive: time.Second}})
		c := newWebClient(t, s)
		id, _ := c.session()
		conn, f := c.do("GET", "/mcp", "", map[string]string{"Accept": "text/event-stream", headerSession: id})
		_, other := c.do("GET", "/", "", nil)
		time.Sleep(3*time.Second + time.Millisecond)
		synctest.Wait()
		c.l.Turn()
		if f.comments != 3 || other.comments > 3 {
			t.Errorf("%d comments, want 3", f.comments)
		}
		c.l.Begin()
		conn.Close(engine.CloseReset)
		c.l.End()
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if s.streams.n != 0 || s.streams.timer != nil {
			t.Errorf("%d streams, timer %v", s.streams.n, s.streams.timer)
		}
	})
}

// Messages for a stream of HTTP with SSE that wait for its loop are bounded; the
// loop takes them, and there is room again.
func TestHTTPMessagesWait(t *testing.T) {
	c := newWebClient(t, NewServer(Options{Name: "waits"}))
	_, stream := c.do("GET", "/sse", "", map[string]string{"Accept": "text/event-stream"})
	var head []byte
	head = stream.x.Events.AppendHead(head)
	_, query, _ := strings.Cut(string(head), "?")
	query, _, _ = strings.Cut(query, "\n")
	body := `{"jsonrpc":"2.0","method":"x","params":{"pad":"` + strings.Repeat("x", 100<<10) + `"}}`
	for round := range 2 {
		c.l.Begin()
		var got []int
		for range 4 {
			f := &webFraming{}
			conn := c.l.OpenHTTP(c.w, f)
			f.x = &engine.Exchange{Request: &webRequest{"POST", "/message", query, map[string]string{"Content-Type": "application/json"}}, Body: []byte(body)}
			conn.ServeExchange(f.x)
			got = append(got, f.status)
		}
		c.l.End()
		if !slices.Equal(got, []int{202, 202, 503, 503}) {
			t.Errorf("round %d: %v", round, got)
		}
	}
}

// Clients of HTTP are told of a change once, also when another engine is seen for
// the first time while it is on its way.
func TestHTTPChangesOnEngines(t *testing.T) {
	s := NewServer(Options{Name: "engines"})
	c := newWebClient(t, s)
	id, _ := c.session()
	_, f := c.do("GET", "/mcp", "", map[string]string{"Accept": "text/event-stream", headerSession: id})
	s.HandleTool(Tool{Name: "one"}, Inline, func(*Call) error { return nil })
	other := newWebClient(t, s)
	other.session()
	for range 3 {
		for _, c := range []*webClient{c, other} {
			c.w.now += int64(changeDelay)
			c.l.Turn()
		}
	}
	if n := strings.Count(f.body, "tools/list_changed"); n != 1 {
		t.Errorf("told %d times: %q", n, f.body)
	}
}
