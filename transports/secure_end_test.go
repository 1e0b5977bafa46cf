package transports

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/engine"
)

// ender notes how what comes ends.
type ender struct {
	net.Conn
	mu   sync.Mutex
	last []byte
}

func (e *ender) Read(b []byte) (int, error) {
	n, err := e.Conn.Read(b)
	e.mu.Lock()
	e.last = append(e.last, b[:n]...)
	e.last = bytes.Clone(e.last[max(0, len(e.last)-24):])
	e.mu.Unlock()
	return n, err
}

// sawGoodbye reports whether the last record was an alert, by its size: TLS 1.3
// shows nothing else of it.
func (e *ender) sawGoodbye() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.last) == 24 && string(e.last[:5]) == "\x17\x03\x03\x00\x13"
}

// Whichever way a peer ends its half, it gets all answers, then close_notify, then
// the end; and a connection that was cut is counted.
func TestTLSHalfClose(t *testing.T) {
	for _, tc := range []struct {
		name      string
		end       func(c *tls.Conn, socket *net.TCPConn)
		truncated uint64
	}{
		{"close_notify", func(c *tls.Conn, socket *net.TCPConn) { _ = c.CloseWrite() }, 0},
		{"close_notify and FIN", func(c *tls.Conn, socket *net.TCPConn) { _ = c.CloseWrite(); _ = socket.CloseWrite() }, 0},
		{"FIN", func(c *tls.Conn, socket *net.TCPConn) { _ = socket.CloseWrite() }, 1},
	} {
		for _, ask := range []struct {
			name, send string
			lines      int
		}{
			{"nothing", "", 0},
			{"inline", req(1, "echo", "") + req(2, "echo", ""), 2},
			{"in flight", req(1, "later", `{"ms":50}`) + req(2, "echo", "") + req(3, "later", `{"ms":100}`), 3},
			{"much", req(1, "blob", `{"bytes":8000000}`) + req(2, "blob", `{"bytes":4000000}`), 2},
			{"unfinished", req(1, "echo", "") + `{"jsonrpc":"2.0","id":2,"meth`, 1},
		} {
			t.Run(tc.name+"/"+ask.name, func(t *testing.T) {
				s := start(t, Options{}, "tls://127.0.0.1:0")
				socket := rawDial(t, s)
				e := &ender{Conn: socket}
				c := tls.Client(e, &tls.Config{RootCAs: rootsOf(s), ServerName: "localhost"})
				if _, err := io.WriteString(c, ask.send); err != nil {
					t.Fatal(err)
				}
				if ask.send == "" {
					_ = c.Handshake()
				}
				tc.end(c, socket)
				got, err := io.ReadAll(c)
				if n := bytes.Count(got, []byte("\n")); n != ask.lines || err != nil {
					t.Errorf("%d lines, %v; want %d", n, err, ask.lines)
				}
				if !e.sawGoodbye() {
					t.Errorf("no close_notify: % x", e.last)
				}
				eventually(t, "the connection is gone", func() bool { return s.Engine().Connections() == 0 })
				if n := s.Snapshot().TLS.Truncated; n != tc.truncated {
					t.Errorf("%d truncated", n)
				}
			})
		}
	}
}

// A client that does its part of the handshake, asks, and shuts down its half, all
// before a CPU was free for ours, is answered.
func TestTLSGoneBeforeEstablished(t *testing.T) {
	block, blocked := make(chan struct{}), make(chan struct{}, 8)
	pair := selfSignedPair(t)
	peers := make(chan engine.Peer, 8)
	observer := engine.Observer{ConnOpened: func(c *engine.Conn) { peers <- c.Peer() }}
	srv := start(t, Options{Engine: engine.Options{Observer: observer}, Listeners: []Listener{{URL: "tls://127.0.0.1:0", TLS: &tls.Config{
		Certificates: []tls.Certificate{pair},
		GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
			if h.ServerName == "block.test" {
				blocked <- struct{}{}
				<-block
			}
			return nil, nil
		},
	}}}})
	socket := rawDial(t, srv)
	w := &holdingConn{Conn: socket}
	c := tls.Client(w, &tls.Config{InsecureSkipVerify: true, VerifyConnection: func(tls.ConnectionState) error { w.hold = true; return nil }})
	if err := c.Handshake(); err != nil {
		t.Fatal(err)
	}
	// All CPUs of handshakes are taken by others.
	var others []*net.TCPConn
	for range srv.gate.CPUs() {
		o := rawDial(t, srv)
		others = append(others, o)
		go func() { _ = tls.Client(o, &tls.Config{InsecureSkipVerify: true, ServerName: "block.test"}).Handshake() }()
		<-blocked
	}
	_, _ = io.WriteString(c, req(1, "later", `{"ms":20}`)+req(2, "echo", ""))
	_ = c.CloseWrite()
	_ = socket.SetDeadline(time.Now().Add(30 * time.Second)) // which that has changed
	if _, err := socket.Write(w.held); err != nil {
		t.Fatal(err)
	}
	_ = socket.CloseWrite()
	eventually(t, "its end is seen", func() bool { return srv.Snapshot().Lingering == 1 })
	close(block)
	got, err := io.ReadAll(c)
	if n := bytes.Count(got, []byte("\n")); n != 2 || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if p := <-peers; p.Remote != socket.LocalAddr().String() || p.Local != socket.RemoteAddr().String() || p.TLS == nil {
		t.Errorf("its peer is %+v", p)
	}
	for _, o := range others {
		_ = o.Close()
	}
	eventually(t, "all are gone", func() bool { return srv.counters.open.Load() == 0 && srv.Snapshot().Lingering == 0 })
}

// A server that is closed while handshakes are still to be ended whose peers have
// shut down their half gives all of it back (start looks).
func TestTLSCloseBeforeEstablished(t *testing.T) {
	block, blocked := make(chan struct{}), make(chan struct{}, 8)
	srv := start(t, Options{Listeners: []Listener{{URL: "tls://127.0.0.1:0", TLS: &tls.Config{
		Certificates:     []tls.Certificate{selfSignedPair(t)},
		VerifyConnection: func(tls.ConnectionState) error { blocked <- struct{}{}; <-block; return nil }, // the peer was answered
	}}}})
	hello, cpus := clientHello(t), srv.gate.CPUs()
	var all []*net.TCPConn
	for range 2 * cpus { // half of them find no CPU
		c := rawDial(t, srv)
		_, _ = c.Write(hello)
		all = append(all, c)
	}
	for range cpus {
		<-blocked
	}
	for _, c := range all {
		_ = c.CloseWrite()
	}
	eventually(t, "their ends are seen", func() bool { return srv.Snapshot().Lingering == int64(cpus) && srv.counters.open.Load() == int64(cpus) })
	time.AfterFunc(100*time.Millisecond, func() { close(block) })
	if err := srv.Close(); err != nil {
		t.Error(err)
	}
	if n := srv.Snapshot(); n.Lingering != 0 || srv.counters.open.Load() != 0 {
		t.Errorf("%d linger, %d are open", n.Lingering, srv.counters.open.Load())
	}
}

// holdingConn gathers what is written once hold is set.
type holdingConn struct {
	net.Conn
	hold bool
	held []byte
}

func (h *holdingConn) Write(b []byte) (int, error) {
	if h.hold {
		h.held = append(h.held, b...)
		return len(b), nil
	}
	return h.Conn.Write(b)
}

// Shutdown lets calls in flight be answered, ends connections with close_notify,
// and drops handshakes at once.
func TestTLSShutdown(t *testing.T) {
	s := start(t, Options{TLS: TLSOptions{HandshakeTimeout: -1}}, "tls://127.0.0.1:0")
	e := &ender{Conn: rawDial(t, s)}
	c := tls.Client(e, &tls.Config{RootCAs: rootsOf(s), ServerName: "localhost"})
	_, _ = io.WriteString(c, req(1, "later", `{"ms":200}`))
	silent, parked := rawDial(t, s), rawDial(t, s)
	_, _ = parked.Write(clientHello(t))
	eventually(t, "a call and a handshake in flight", func() bool { return s.Snapshot().Engine.InFlight == 1 && s.Snapshot().Handshakes == 1 })
	begin := time.Now()
	if err := s.Shutdown(grace(10 * time.Second)); err != nil {
		t.Error(err)
	}
	if d := time.Since(begin); d > 5*time.Second {
		t.Errorf("it took %v", d)
	}
	if got, err := io.ReadAll(c); string(got) != res(1, `{"ms":200}`)+"\n" || err != nil || !e.sawGoodbye() {
		t.Errorf("%q, %v, close_notify %v", got, err, e.sawGoodbye())
	}
	for _, c := range []net.Conn{silent, parked} {
		closedByServer(t, c)
	}
}

// A record that does not go on is given the read timeout.
func TestTLSReadTimeout(t *testing.T) {
	s := start(t, Options{Engine: engine.Options{ReadTimeout: 300 * time.Millisecond}}, "tls://127.0.0.1:0")
	socket := rawDial(t, s)
	w := &holdingConn{Conn: socket}
	c := tls.Client(w, &tls.Config{InsecureSkipVerify: true})
	_, _ = io.WriteString(c, req(1, "keep", "")) // so that it may be idle for ever
	if _, err := io.ReadFull(c, make([]byte, len(res(1, "{}"))+1)); err != nil {
		t.Fatal(err)
	}
	w.hold = true
	_, _ = io.WriteString(c, req(2, "ping", ""))
	_, _ = socket.Write(w.held[:20])
	begin := time.Now()
	closedByServer(t, socket)
	if d := time.Since(begin); d < 250*time.Millisecond || d > 5*time.Second {
		t.Errorf("dropped after %v", d)
	}
	drops(t, s, engine.CloseReadTimeout, 1)
}

// Bytes that are no record end the connection as a breach of the protocol, with
// an alert.
func TestTLSBadRecord(t *testing.T) {
	s := start(t, Options{}, "tls://127.0.0.1:0")
	socket := rawDial(t, s)
	c := tls.Client(socket, &tls.Config{InsecureSkipVerify: true})
	_, _ = io.WriteString(c, req(1, "ping", ""))
	if _, err := io.ReadFull(c, make([]byte, len(res(1, "{}"))+1)); err != nil {
		t.Fatal(err)
	}
	_, _ = socket.Write([]byte("\x17\x03\x03\x00\x14abcdefghijklmnopqrst"))
	if _, err := c.Read(make([]byte, 1)); err == nil || !strings.Contains(err.Error(), "bad record MAC") {
		t.Errorf("it is told %v", err)
	}
	drops(t, s, engine.CloseProtocol, 1)
}
