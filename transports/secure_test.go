package transports

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

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
		{"WebSocket in the clear", "wss://127.0.0.1:0", "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n", false, tlsconn.FailedNotTLS},
		{"HTTP to lines", "tls://127.0.0.1:0", "GET /mcp HTTP/1.1\r\n\r\n", alert10, false, tlsconn.FailedNotTLS},
		{"junk", "https://127.0.0.1:0", "\x00\x01\x02\x03 junk", alert10, false, tlsconn.FailedNotTLS},
		{"SSL 2", "tls://127.0.0.1:0", "\x80\x2e\x01\x00\x02", alert70, false, tlsconn.FailedNotTLS},
		{"junk records", "tls://127.0.0.1:0", strings.Repeat("\x17\x03\x03\x00\x20abcdefghijklmnopabcdefghijklmnop", 1000), alert10, false, tlsconn.FailedNotTLS},
		{"junk behind a hello", "tls://127.0.0.1:0", string(hello) + strings.Repeat("\x17\x03\x03\x00\x20abcdefghijklmnopabcdefghijklmnop", 10), "\x16\x03\x03", false, tlsconn.FailedHandshake},
		{"a garbled hello", "tls://127.0.0.1:0", "\x16\x03\x01\x00\x08\x01\x00\x00\x04abcd", "\x15\x03\x01\x00\x02\x02\x32", false, tlsconn.FailedHandshake},
	} {
		t.Run(tc.name, func(t *testing.T) {
			limit := 10 * time.Second // others than the slow are dropped at once
			switch {
			case tc.slow && raced:
				limit = 2 * time.Second // in which twenty handshakes are begun
			case tc.slow:
				limit = time.Second
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
			if d := time.Since(begin); tc.slow && d < limit-50*time.Millisecond || d > limit+3*time.Second || !tc.slow && d > 5*time.Second {
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
		hello := clientHello(t)
		for {
			begun := time.Now()
			s := start(t, Options{TLS: TLSOptions{MaxHandshakes: 2}}, "tls://127.0.0.1:0")
			for range 2 {
				_, _ = rawDial(t, s).Write(hello)
			}
			eventually(t, "two in flight", func() bool { return s.Snapshot().Handshakes == 2 })
			c := rawDial(t, s)
			_, _ = c.Write(hello)
			got := make([]byte, len(alert80))
			if _, err := io.ReadFull(c, got); err != nil {
				t.Fatal(err)
			}
			if time.Since(begun) >= tlsconn.DefaultGiveWay {
				continue // on a busy machine: one may have given way
			}
			if string(got) != alert80 {
				t.Errorf("%q", got)
			}
			if n := s.Snapshot().TLS.Failed[tlsconn.FailedBusy]; n != 1 {
				t.Errorf("%d refused", n)
			}
			return
		}
	})
	t.Run("handshakes that do not go on", func(t *testing.T) {
		s := start(t, Options{TLS: TLSOptions{MaxHandshakes: 2}}, "tls://127.0.0.1:0")
		for range 2 {
			_, _ = rawDial(t, s).Write(clientHello(t))
		}
		eventually(t, "two in flight", func() bool { return s.Snapshot().Handshakes == 2 })
		time.Sleep(tlsconn.DefaultGiveWay)
		othersServed(t, s)
		eventually(t, "one gave way", func() bool { return s.Snapshot().TLS.Failed[tlsconn.FailedBusy] == 1 })
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

// What a handshake comes to is taken up by the loop that has given it a CPU: nobody
// has to wake it. (On a busy machine the scheduler may think otherwise now and then.)
func TestTLSHandshakeWithoutWake(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	s := start(t, Options{Loops: 1}, "tls://127.0.0.1:0")
	l := s.loops[0]
	try := func() error {
		socket := rawDial(t, s)
		defer socket.Close()
		eventually(t, "it is there", func() bool { return s.counters.open.Load() == 1 })
		l.mu.Lock() // Wake waits
		defer l.mu.Unlock()
		_ = socket.SetDeadline(time.Now().Add(300 * time.Millisecond))
		c := tls.Client(socket, &tls.Config{InsecureSkipVerify: true})
		if _, err := io.WriteString(c, req(1, "ping", "")); err != nil {
			return err
		}
		_, err := c.Read(make([]byte, 1))
		return err
	}
	for range 20 {
		err := try()
		if err == nil {
			return
		}
		t.Log(err)
		eventually(t, "it is gone", func() bool { return s.counters.open.Load() == 0 })
	}
	t.Error("no handshake in twenty does without")
}
