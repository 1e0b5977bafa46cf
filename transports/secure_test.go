package transports

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/transports/tlsconn"
)

// rootsOf returns what a client must trust to take the server's certificate.
func rootsOf(s *Server) *x509.CertPool {
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate().Leaf)
	return roots
}

// rawDial is a TCP connection to a listener, whatever it speaks.
func rawDial(t testing.TB, s *Server) *net.TCPConn {
	t.Helper()
	_, addr, _ := strings.Cut(s.Addrs()[0], "://")
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	return c.(*net.TCPConn)
}

// clientHello returns the first flight of a client.
func clientHello(t testing.TB) []byte {
	t.Helper()
	a, b := net.Pipe()
	done := make(chan struct{})
	go func() { _ = tls.Client(a, &tls.Config{ServerName: "localhost"}).Handshake(); close(done) }()
	hello := make([]byte, 16<<10)
	n, err := b.Read(hello)
	_ = b.Close()
	<-done
	if err != nil || n < 500 {
		t.Fatal(n, err)
	}
	return hello[:n]
}

// Row 48: no hello, half a hello, cleartext, junk, a handshake and then a reset.
// Each is told what there is to be told, none stays beyond the handshake's time,
// and others are served meanwhile.
func TestTLSBadPeers(t *testing.T) {
	hello := clientHello(t)
	const alert10, alert70 = "\x15\x03\x01\x00\x02\x02\x0a", "\x15\x03\x01\x00\x02\x02\x46"
	for _, tc := range []struct {
		name, url string
		send      string
		want      string // the beginning of what it is told
		slow      bool   // dropped when its time is up, not before
		failure   tlsconn.Failure
	}{
		{"silent", "tls://127.0.0.1:0", "", "", true, tlsconn.FailedTimeout},
		{"half a hello", "tls://127.0.0.1:0", string(hello[:300]), "", true, tlsconn.FailedTimeout},
		{"a hello and no more", "tls://127.0.0.1:0", string(hello), "\x16\x03\x03", true, tlsconn.FailedTimeout},
		{"JSON", "tls://127.0.0.1:0", req(1, "ping", ""), `{"jsonrpc":"2.0","id":null,"error":{"code":-32600`, false, tlsconn.FailedNotTLS},
		{"HTTP", "https://127.0.0.1:0", "GET /mcp HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n", false, tlsconn.FailedNotTLS},
		{"HTTP to lines", "tls://127.0.0.1:0", "GET /mcp HTTP/1.1\r\n\r\n", alert10, false, tlsconn.FailedNotTLS},
		{"junk", "https://127.0.0.1:0", "\x00\x01\x02\x03 junk", alert10, false, tlsconn.FailedNotTLS},
		{"SSL 2", "tls://127.0.0.1:0", "\x80\x2e\x01\x00\x02", alert70, false, tlsconn.FailedNotTLS},
		{"junk records", "tls://127.0.0.1:0", strings.Repeat("\x17\x03\x03\x00\x20abcdefghijklmnopabcdefghijklmnop", 1000), alert10, false, tlsconn.FailedNotTLS},
		{"junk behind a hello", "tls://127.0.0.1:0", string(hello) + strings.Repeat("\x17\x03\x03\x00\x20abcdefghijklmnopabcdefghijklmnop", 10), "\x16\x03\x03", false, tlsconn.FailedHandshake},
		{"a garbled hello", "tls://127.0.0.1:0", "\x16\x03\x01\x00\x08\x01\x00\x00\x04abcd", "\x15\x03\x01\x00\x02\x02\x32", false, tlsconn.FailedHandshake},
	} {
		t.Run(tc.name, func(t *testing.T) {
			limit := 500 * time.Millisecond
			if raced {
				limit = 2 * time.Second // in which twenty handshakes are begun
			}
			s := start(t, Options{TLS: TLSOptions{HandshakeTimeout: limit}}, tc.url, "tls://127.0.0.1:0")
			begin := time.Now()
			var cs []*net.TCPConn
			for range 20 {
				c := rawDial(t, s)
				_, _ = io.WriteString(c, tc.send)
				cs = append(cs, c)
			}
			p := dialURL(t, s.Addrs()[1])
			p.send(req(1, "ping", ""))
			p.want(res(1, "{}"))
			for _, c := range cs {
				got, err := io.ReadAll(c)
				if !strings.HasPrefix(string(got), tc.want) || len(tc.want) == 0 && len(got) > 0 || err != nil && tc.want != "" {
					t.Fatalf("it is told %.100q, %v; want %q", got, err, tc.want)
				}
				_ = c.Close()
			}
			if d := time.Since(begin); tc.slow && d < limit-50*time.Millisecond || d > limit+3*time.Second {
				t.Errorf("dropped after %v", d)
			}
			eventually(t, "all are gone", func() bool { return s.counters.open.Load() == 1 && s.Snapshot().Handshakes == 0 })
			n := s.Snapshot()
			if n.TLS.Failed[tc.failure] != 20 || n.TLS.Done != 1 {
				t.Errorf("%+v", n.TLS)
			}
			p.send(req(2, "ping", ""))
			p.want(res(2, "{}"))
		})
	}
}

// Peers that leave in the middle of a handshake, by FIN or RST, leave nothing.
func TestTLSGoneInHandshake(t *testing.T) {
	s := start(t, Options{}, "tls://127.0.0.1:0")
	hello := clientHello(t)
	var wg sync.WaitGroup
	for i := range 100 {
		c := rawDial(t, s)
		wg.Go(func() {
			_, _ = c.Write(hello[:len(hello)*(1+i%4)/4])
			if i%2 == 0 {
				reset(c)
			} else {
				_ = c.Close()
			}
		})
	}
	wg.Wait()
	eventually(t, "all are gone", func() bool { return s.counters.open.Load() == 0 && s.Snapshot().Handshakes == 0 })
	othersServed(t, s)
}

// Row 49: versions that are not promised are refused by the alert protocol_version.
func TestTLSVersions(t *testing.T) {
	for _, min := range []uint16{0, tls.VersionTLS12} {
		s := start(t, Options{TLS: TLSOptions{MinVersion: min}}, "tls://127.0.0.1:0")
		for _, v := range []uint16{tls.VersionTLS10, tls.VersionTLS11, tls.VersionTLS12, tls.VersionTLS13} {
			c, err := tls.Dial("tcp", strings.TrimPrefix(s.Addrs()[0], "tls://"), &tls.Config{RootCAs: rootsOf(s), MinVersion: v, MaxVersion: v})
			want := v == tls.VersionTLS13 || v == tls.VersionTLS12 && min != 0
			var alert *net.OpError
			switch {
			case err == nil:
				_ = c.Close()
			case !errors.As(err, &alert) || !strings.Contains(err.Error(), "protocol version not supported"):
				t.Errorf("%s: %v, which is no alert", tls.VersionName(v), err)
			}
			if (err == nil) != want {
				t.Errorf("%s, where %x is the least: %v", tls.VersionName(v), min, err)
			}
		}
	}
}

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
	srv := start(t, Options{Listeners: []Listener{{URL: "tls://127.0.0.1:0", TLS: &tls.Config{
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
	for _, o := range others {
		_ = o.Close()
	}
	eventually(t, "all are gone", func() bool { return srv.counters.open.Load() == 0 && srv.Snapshot().Lingering == 0 })
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

func selfSignedPair(t testing.TB) tls.Certificate {
	t.Helper()
	cert, key, err := tlsconn.SelfSigned()
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

// Options that cannot be are refused before anything listens, with what to change.
func TestTLSOptions(t *testing.T) {
	dir := t.TempDir()
	for _, tc := range []struct {
		o    Options
		want string
	}{
		{Options{Listeners: []Listener{{URL: "tls://127.0.0.1:0"}}}, "SelfSigned"},
		{Options{Listeners: []Listener{{URL: "tls://127.0.0.1"}}}, "tls://HOST:PORT"},
		{Options{Listeners: []Listener{{URL: "tls://127.0.0.1:0/x"}}}, "tls://HOST:PORT"},
		{Options{Listeners: []Listener{{URL: "https://127.0.0.1:0/mcp"}}}, "https://HOST:PORT"},
		{Options{Listeners: []Listener{{URL: "tcp://127.0.0.1:0", TLS: &tls.Config{}}}}, "has no TLS"},
		{Options{Listeners: []Listener{{URL: "tls://127.0.0.1:0", TLS: &tls.Config{}}}}, "no certificate"},
		{Options{Listeners: []Listener{{URL: "tls://127.0.0.1:0"}}, TLS: TLSOptions{Cert: "x"}}, "name both"},
		{Options{Listeners: []Listener{{URL: "tls://127.0.0.1:0"}}, TLS: TLSOptions{Cert: filepath.Join(dir, "c"), Key: filepath.Join(dir, "k")}}, "no such file"},
		{Options{Listeners: []Listener{{URL: "tls://127.0.0.1:0"}}, TLS: TLSOptions{SelfSigned: true, MinVersion: tls.VersionTLS11}}, "older versions"},
		{Options{Listeners: []Listener{{URL: "tls://127.0.0.1:0"}}, TLS: TLSOptions{SelfSigned: true, MaxHandshakes: -1}}, "TLS.MaxHandshakes"},
		{Options{Listeners: []Listener{{URL: "tls://127.0.0.1:0"}}, TLS: TLSOptions{SelfSigned: true, MaxHandshakeBytes: 1}}, "TLS.MaxHandshakeBytes"},
	} {
		s, err := Listen(service{}, tc.o)
		if err == nil {
			_ = s.Close()
		}
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%+v: %v, want %q", tc.o.Listeners, err, tc.want)
		}
	}
}

// Above MaxConnections, and above MaxHandshakes, a peer is refused by an alert.
func TestTLSRefusals(t *testing.T) {
	const alert80 = "\x15\x03\x01\x00\x02\x02\x50"
	t.Run("connections", func(t *testing.T) {
		s := start(t, Options{MaxConnections: 1}, "tls://127.0.0.1:0")
		p := dial(t, s)
		p.send(req(1, "ping", ""))
		p.want(res(1, "{}"))
		if got, err := io.ReadAll(rawDial(t, s)); string(got) != alert80 || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		if n := s.Snapshot().OverLimit; n != 1 {
			t.Errorf("%d over the limit", n)
		}
	})
	t.Run("handshakes", func(t *testing.T) {
		s := start(t, Options{TLS: TLSOptions{MaxHandshakes: 2}}, "tls://127.0.0.1:0")
		hello := clientHello(t)
		for range 2 {
			_, _ = rawDial(t, s).Write(hello)
		}
		eventually(t, "two in flight", func() bool { return s.Snapshot().Handshakes == 2 })
		c := rawDial(t, s)
		_, _ = c.Write(hello)
		if got, err := io.ReadAll(c); string(got) != alert80 || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		if n := s.Snapshot().TLS.Failed[tlsconn.FailedBusy]; n != 1 {
			t.Errorf("%d refused", n)
		}
	})
}

// A storm of handshakes is served, with more connections than may be under way at
// a time coming one after the other, and somebody who is connected notices little.
func TestTLSStorm(t *testing.T) {
	s := start(t, Options{}, "tls://127.0.0.1:0")
	stop := startBystander(t, s, false)
	defer stop()
	n := 400
	if raced {
		n = 100
	}
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			p := dial(t, s)
			p.send(req(1, "echo", `{"a":1}`))
			p.want(res(1, `{"a":1}`))
			_ = p.Close()
		})
	}
	wg.Wait()
	if done := s.Snapshot().TLS.Done; done < uint64(n) {
		t.Errorf("%d handshakes", done)
	}
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

// authority issues certificates to clients.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t testing.TB) *authority {
	a := &authority{}
	a.cert, a.key = a.issue(t, "authority", true)
	return a
}

func (a *authority) issue(t testing.TB, name string, ca bool) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, IsCA: ca, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}

// file writes the authority's certificate.
func (a *authority) file(t testing.TB) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func (a *authority) client(t testing.TB, name string) tls.Certificate {
	cert, key := a.issue(t, name, false)
	return tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key}
}

// Files that change are read again, by the clock and on demand, and connections
// stay; a bad pair is not taken, and the log says so.
func TestTLSReload(t *testing.T) {
	dir := t.TempDir()
	write := func(cert, key []byte) {
		t.Helper()
		for name, b := range map[string][]byte{"cert.pem": cert, "key.pem": key} {
			if err := errors.Join(os.WriteFile(filepath.Join(dir, "new"), b, 0o600), os.Rename(filepath.Join(dir, "new"), filepath.Join(dir, name))); err != nil {
				t.Fatal(err)
			}
		}
	}
	fresh := func() (cert, key []byte) {
		cert, key, err := tlsconn.SelfSigned()
		if err != nil {
			t.Fatal(err)
		}
		return cert, key
	}
	write(fresh())
	log := &logged{}
	s := start(t, Options{Logger: slog.New(slog.NewTextHandler(log, nil)), TLS: TLSOptions{
		Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem"), ReloadInterval: 20 * time.Millisecond,
	}}, "tls://127.0.0.1:0")
	standing := dial(t, s)
	standing.send(req(1, "ping", ""))
	standing.want(res(1, "{}"))
	first := rootsOf(s)
	write(fresh())
	eventually(t, "the new certificate", func() bool { return !rootsOf(s).Equal(first) })
	trusts := func(roots *x509.CertPool) bool {
		c, err := tls.Dial("tcp", strings.TrimPrefix(s.Addrs()[0], "tls://"), &tls.Config{RootCAs: roots, ServerName: "localhost"})
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	}
	second := rootsOf(s)
	if trusts(first) || !trusts(second) {
		t.Error("the new certificate is not shown")
	}
	_, key := fresh()
	if err := os.WriteFile(filepath.Join(dir, "key.pem"), key, 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a word about it", func() bool { return strings.Contains(log.String(), "stays") })
	if err := s.ReloadTLS(); err == nil || !trusts(second) {
		t.Errorf("half of a pair: %v", err)
	}
	write(fresh())
	if err := s.ReloadTLS(); err != nil || trusts(second) || !trusts(rootsOf(s)) {
		t.Errorf("on demand: %v", err)
	}
	standing.send(req(2, "ping", ""))
	standing.want(res(2, "{}"))
}

// logged is a log that can be read.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// A panic in a function of the configuration ends one connection, and is logged.
func TestTLSPanic(t *testing.T) {
	log := &logged{}
	s := start(t, Options{
		Logger: slog.New(slog.NewTextHandler(log, nil)),
		Listeners: []Listener{{URL: "tls://127.0.0.1:0", TLS: &tls.Config{GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
			if h.ServerName == "localhost" {
				panic("no such luck")
			}
			pair := selfSignedPair(t)
			return &pair, nil
		}}}},
	})
	c := rawDial(t, s)
	if err := tls.Client(c, &tls.Config{InsecureSkipVerify: true, ServerName: "localhost"}).Handshake(); err == nil {
		t.Error("a handshake")
	}
	eventually(t, "a word about it", func() bool { return strings.Contains(log.String(), "no such luck") })
	othersServed(t, s)
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
