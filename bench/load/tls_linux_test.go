package load

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/transports/tlsconn/tlstest"
)

// listenTLS serves every connection by serve, with TLS in between.
func listenTLS(t testing.TB, c *tls.Config, serve func(net.Conn)) string {
	t.Helper()
	addr := listen(t, "tcp", "127.0.0.1:0", func(plain net.Conn) {
		conn := tls.Server(plain, c)
		serve(conn)
		_ = conn.Close()
	})
	return "tls://" + addr.String()
}

// descriptors is how many this process has open.
func descriptors(t testing.TB) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

// descriptorsBack waits until there are no more than before: servers of this process
// close their ends in their own time.
func descriptorsBack(t testing.TB, before int) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); descriptors(t) > before; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Errorf("%d descriptors, before %d", descriptors(t), before)
			return
		}
	}
}

// Lines over TLS: every method, in closed and open loops, by both versions.
func TestTLSLines(t *testing.T) {
	ca := tlstest.NewAuthority(t, "authority")
	cert := ca.Issue(t, "")
	target := listenTLS(t, &tls.Config{Certificates: []tls.Certificate{cert}}, func(c net.Conn) { serveLines(c, c, nil) })
	echo := listenTLS(t, &tls.Config{Certificates: []tls.Certificate{cert}}, func(c net.Conn) { _, _ = io.Copy(c, c) })
	before := descriptors(t)
	for _, c := range []struct {
		name string
		o    Options
		want int64
	}{
		{"ping", Options{Target: target, Conns: 3, Depth: 8, Count: 500}, 500},
		{"call", Options{Target: target, Method: MethodCall, Conns: 2, Depth: 4, Count: 300}, 300},
		{"deep", Options{Target: target, Method: MethodCall, Depth: 256, Count: 800}, 800},
		{"long", Options{Target: target, Method: MethodCall, Size: 300_000, Depth: 4, Count: 12}, 12},
		{"raw", Options{Target: echo, Method: MethodRaw, Depth: 16, Count: 400}, 400},
		{"far more than the kernel holds", Options{Target: echo, Method: MethodRaw, Size: 1 << 20, Depth: 12, Count: 14}, 14},
		{"open", Options{Target: target, Conns: 2, Depth: 8, Plan: Constant(1000, 200*time.Millisecond)}, 200},
	} {
		for _, version := range []string{"", "1.2"} {
			t.Run(c.name+"/"+version, func(t *testing.T) {
				o := c.o
				o.TLS = TLSOptions{CAFile: ca.File, Version: version}
				r := runBounded(t, o, 20*time.Second)
				want := c.want - r.Skipped // a busy machine skips starts
				if r.ErrorTotal != 0 || r.Answered != want || r.SlowChecks != 0 || r.Alive != max(o.Conns, 1) {
					t.Fatalf("answered %d, errors: %s, %d parsed, %d alive", r.Answered, &r.Errors, r.SlowChecks, r.Alive)
				}
				name := "TLS " + version
				if version == "" {
					name = "TLS 1.3"
				}
				if n := int64(max(o.Conns, 1)); len(r.TLS.Agreed) != 1 || r.TLS.Agreed[0].Version != name || r.TLS.Agreed[0].Sockets != n || r.TLS.Agreed[0].Suite == "" || r.TLS.Resumed != 0 || r.TLS.Full.P50 <= 0 || r.TLS.Short != nil {
					t.Errorf("%+v", r.TLS)
				}
			})
		}
	}
	descriptorsBack(t, before)
}

// Tickets of the first connection shorten the handshakes of the others.
func TestTLSResumption(t *testing.T) {
	ca := tlstest.NewAuthority(t, "authority")
	cert := ca.Issue(t, "")
	target := listenTLS(t, &tls.Config{Certificates: []tls.Certificate{cert}}, func(c net.Conn) { serveLines(c, c, nil) })
	for _, version := range []string{"1.2", "1.3"} {
		r := runBounded(t, Options{Target: target, Conns: 5, Count: 50, TLS: TLSOptions{CAFile: ca.File, Version: version, Resume: true}}, 10*time.Second)
		if r.ErrorTotal != 0 || r.TLS.Resumed != 4 || r.TLS.Short == nil || r.TLS.Full == nil {
			t.Errorf("TLS %s: errors %s, %+v", version, &r.Errors, r.TLS)
		}
		var text strings.Builder
		if err := r.WriteText(&text); err != nil || !strings.Contains(text.String(), "tls         resumed handshakes p50") || !strings.Contains(text.String(), "TLS "+version+", ") {
			t.Errorf("%v: %s", err, text.String())
		}
	}
}

// HTTP and HTTP with SSE over TLS.
func TestHTTPS(t *testing.T) {
	for _, mode := range []string{"length", "chunks", "stream"} {
		srv := httptest.NewTLSServer(mcpHandler(mode))
		t.Cleanup(srv.Close)
		r := runBounded(t, Options{Target: srv.URL + "/mcp", Method: MethodCall, Conns: 2, Depth: 4, Count: 300, TLS: TLSOptions{Insecure: true}}, 10*time.Second)
		if r.ErrorTotal != 0 || r.Answered != 300 || r.SlowChecks != 0 || r.TLS.Agreed[0].Protocol != "http/1.1" || !r.TLS.Unverified {
			t.Errorf("%s: answered %d, errors %s, %+v", mode, r.Answered, &r.Errors, r.TLS)
		}
	}
	srv := httptest.NewUnstartedServer(sseHandler())
	srv.StartTLS()
	t.Cleanup(srv.CloseClientConnections)
	o := Options{Target: "sse+" + srv.URL + "/events", Conns: 2, Depth: 4, Count: 40, Revision: "2024-11-05", TLS: TLSOptions{Insecure: true, ServerName: "example.com"}}
	if r := runBounded(t, o, 10*time.Second); r.ErrorTotal != 0 || r.Answered != 40 || r.TLS.Agreed[0].Sockets != 4 {
		t.Errorf("sse: answered %d, errors: %s, %+v", r.Answered, &r.Errors, r.TLS)
	}
}

// What keeps a session from being opened is said, in time, and nothing is left.
func TestTLSRefused(t *testing.T) {
	ca, other := tlstest.NewAuthority(t, "authority"), tlstest.NewAuthority(t, "other")
	cert := ca.Issue(t, "")
	certFile, keyFile := tlstest.Files(t, cert)
	named := ca.Issue(t, "gannet.test")
	lines := func(c *tls.Config) string {
		return listenTLS(t, c, func(c net.Conn) { serveLines(c, c, nil) })
	}
	pool := x509.NewCertPool()
	pool.AddCert(ca.Cert)
	good := lines(&tls.Config{Certificates: []tls.Certificate{cert}})
	byName := lines(&tls.Config{Certificates: []tls.Certificate{named}})
	old := lines(&tls.Config{Certificates: []tls.Certificate{cert}, MaxVersion: tls.VersionTLS12})
	mutual := lines(&tls.Config{Certificates: []tls.Certificate{cert}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert})
	plain := "tls://" + listen(t, "tcp", "127.0.0.1:0", func(c net.Conn) { _, _ = io.WriteString(c, "welcome to a service without TLS\n") }).String()
	silent := "tls://" + listen(t, "tcp", "127.0.0.1:0", func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }).String()
	closing := "tls://" + listen(t, "tcp", "127.0.0.1:0", func(c net.Conn) { _, _ = c.Read(make([]byte, 64<<10)) }).String()
	before := descriptors(t)
	for _, c := range []struct {
		name, target string
		o            TLSOptions
		says         string // "" is success
	}{
		{"verified", good, TLSOptions{CAFile: ca.File}, ""},
		{"not verified", good, TLSOptions{Insecure: true}, ""},
		{"by its name", byName, TLSOptions{CAFile: ca.File, ServerName: "gannet.test"}, ""},
		{"a client's certificate", mutual, TLSOptions{CAFile: ca.File, CertFile: certFile, KeyFile: keyFile}, ""},
		{"another authority", good, TLSOptions{CAFile: other.File}, "unknown authority"},
		{"the system's authorities", good, TLSOptions{}, "unknown authority"},
		{"another name", byName, TLSOptions{CAFile: ca.File}, "doesn't contain any IP SANs"},
		{"another name asked for", byName, TLSOptions{CAFile: ca.File, ServerName: "gull.test"}, "gull.test"},
		{"a version it has not", old, TLSOptions{CAFile: ca.File, Version: "1.3"}, "protocol version"},
		{"no certificate of ours", mutual, TLSOptions{CAFile: ca.File}, "certificate required"},
		{"none of ours by 1.2", mutual, TLSOptions{CAFile: ca.File, Version: "1.2"}, "tls: "},
		{"no TLS", plain, TLSOptions{CAFile: ca.File}, "first record does not look like a TLS handshake"},
		{"silence", silent, TLSOptions{CAFile: ca.File}, errSlow.Error()},
		{"an early end", closing, TLSOptions{CAFile: ca.File}, errClosed.Error()},
	} {
		t.Run(c.name, func(t *testing.T) {
			begin := time.Now()
			r, err := Run(Options{Target: c.target, Count: 20, Timeout: 500 * time.Millisecond, TLS: c.o})
			var connect *ConnectError
			switch {
			case c.says == "" && (err != nil || r.ErrorTotal != 0):
				t.Error(err)
			case c.says != "" && (!errors.As(err, &connect) || !strings.Contains(err.Error(), c.says)):
				t.Errorf("%T %v; want one that says %q", err, err, c.says)
			}
			if d := time.Since(begin); d > 5*time.Second {
				t.Errorf("it took %v", d)
			}
		})
	}
	descriptorsBack(t, before)
	bad := filepath.Join(t.TempDir(), "bad.pem")
	if err := os.WriteFile(bad, []byte("no PEM"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, o := range []Options{
		{Target: good, TLS: TLSOptions{Version: "1.1"}},
		{Target: good, TLS: TLSOptions{CertFile: certFile}},
		{Target: good, TLS: TLSOptions{CAFile: ca.File, Insecure: true}},
		{Target: good, TLS: TLSOptions{CAFile: bad}},
		{Target: good, TLS: TLSOptions{CAFile: bad + "x"}},
		{Target: good, TLS: TLSOptions{CertFile: bad, KeyFile: keyFile}},
		{Target: "tcp://127.0.0.1:1", TLS: TLSOptions{Insecure: true}},
		{Target: "tls://127.0.0.1"}, {Target: "https://"}, {Target: "ssh://x:1"}, {Target: "https://u@h/"},
	} {
		var usage *UsageError
		if _, err := Run(o); !errors.As(err, &usage) {
			t.Errorf("%+v: %T %v", o, err, err)
		}
	}
}

// relay passes bytes on to a server and back, through f on the way back.
func relay(t testing.TB, target string, f func(w io.Writer, r io.Reader)) string {
	t.Helper()
	address := strings.TrimPrefix(target, "tls://")
	return "tls://" + listen(t, "tcp", "127.0.0.1:0", func(client net.Conn) {
		server, err := net.Dial("tcp", address)
		if err != nil {
			return
		}
		defer func() { _ = server.Close() }()
		go func() { _, _ = io.Copy(server, client); _ = server.(*net.TCPConn).CloseWrite() }()
		f(client, server)
	}).String()
}

// Records in pieces, a record that is spoilt, and ends without and with a word.
func TestTLSPieces(t *testing.T) {
	ca := tlstest.NewAuthority(t, "authority")
	cert := ca.Issue(t, "")
	config := &tls.Config{Certificates: []tls.Certificate{cert}}
	target := listenTLS(t, config, func(c net.Conn) { serveLines(c, c, nil) })
	o := Options{Depth: 4, Count: 100, Timeout: 2 * time.Second, TLS: TLSOptions{CAFile: ca.File}}

	o.Target = relay(t, target, func(w io.Writer, r io.Reader) {
		var b [1]byte
		for {
			if _, err := r.Read(b[:]); err != nil {
				return
			}
			if _, err := w.Write(b[:]); err != nil {
				return
			}
		}
	})
	if r := runBounded(t, o, 10*time.Second); r.ErrorTotal != 0 || r.Answered != 100 {
		t.Errorf("byte by byte: %d answered, errors: %s", r.Answered, &r.Errors)
	}

	// 2,000 bytes hold the handshake; 40,000 are not reached in 100 pings.
	spoil := func(at int) string {
		return relay(t, target, func(w io.Writer, r io.Reader) {
			b := make([]byte, 4096)
			for seen := 0; ; {
				n, err := r.Read(b)
				if err != nil {
					return
				}
				if at >= seen && at < seen+n {
					b[at-seen] ^= 1
				}
				seen += n
				if _, err := w.Write(b[:n]); err != nil {
					return
				}
			}
		})
	}
	o.Target = spoil(5000)
	if r := runBounded(t, o, 10*time.Second); r.Errors.TLS != 1 || r.Errors.Lost == 0 || r.Errors.Lost+1 != r.ErrorTotal || r.Alive != 0 {
		t.Errorf("a bit of a record: %d answered, errors: %s", r.Answered, &r.Errors)
	}

	var cut atomic.Bool
	o.Target = relay(t, target, func(w io.Writer, r io.Reader) {
		_, _ = io.CopyN(w, r, 5000)
		cut.Store(true)
	})
	if r := runBounded(t, o, 10*time.Second); r.Errors.Closed != 1 || r.Errors.TLS != 0 || r.Errors.Lost == 0 || !cut.Load() {
		t.Errorf("an end without a word: errors: %s", &r.Errors)
	}

	o.Target = listenTLS(t, config, func(c net.Conn) {
		serveLines(c, c, only(50, func(_ int, _ uint64, reply string) ([]string, bool) { return []string{reply}, true }))
	})
	if r := runBounded(t, o, 10*time.Second); r.Errors.Closed != 1 || r.Errors.TLS != 0 || r.Answered+r.Errors.Lost != r.Sent {
		t.Errorf("an end with a word: %d of %d answered, errors: %s", r.Answered, r.Sent, &r.Errors)
	}
}

// A server is told of the end.
func TestTLSFarewell(t *testing.T) {
	ca := tlstest.NewAuthority(t, "authority")
	cert := ca.Issue(t, "")
	ended := make(chan error, 1)
	target := listenTLS(t, &tls.Config{Certificates: []tls.Certificate{cert}}, func(c net.Conn) {
		_, err := io.Copy(c, c)
		ended <- err
	})
	runBounded(t, Options{Target: target, Method: MethodRaw, Count: 5, TLS: TLSOptions{CAFile: ca.File}}, 10*time.Second)
	if err := <-ended; err != nil {
		t.Errorf("the server read %v, not a whole end", err)
	}
}
