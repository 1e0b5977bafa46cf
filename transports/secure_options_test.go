package transports

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/transports/tlsconn"
)

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

// Two servers that share the keys of tickets resume each other's sessions.
func TestTLSTicketKeys(t *testing.T) {
	keys := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(keys, []byte("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{keys, ""} {
		cache := tls.NewLRUClientSessionCache(1)
		for i := range 2 {
			s := start(t, Options{TLS: TLSOptions{TicketKeys: file}}, "tls://127.0.0.1:0")
			// A client that does not verify resumes a session of whatever certificate.
			c, err := tls.Dial("tcp", strings.TrimPrefix(s.Addrs()[0], "tls://"), &tls.Config{InsecureSkipVerify: true, ServerName: "localhost", ClientSessionCache: cache})
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.WriteString(c, req(1, "ping", ""))
			if _, err := c.Read(make([]byte, 100)); err != nil { // the ticket comes before
				t.Fatal(err)
			}
			if got, want := c.ConnectionState().DidResume, i == 1 && file != ""; got != want {
				t.Errorf("keys %q, server %d: resumed %v", file, i+1, got)
			}
			_ = c.Close()
		}
	}
}

// recordCounter counts the records that come, by their headers.
type recordCounter struct {
	net.Conn
	in      []byte
	records int
}

func (c *recordCounter) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.in = append(c.in, b[:n]...)
	for len(c.in) >= 5 {
		size := 5 + int(c.in[3])<<8 + int(c.in[4])
		if len(c.in) < size {
			break
		}
		c.in = c.in[size:]
		c.records++
	}
	return n, err
}

// Records are of full size with a configuration of somebody's own, too.
func TestTLSFullRecords(t *testing.T) {
	s := start(t, Options{Listeners: []Listener{{URL: "tls://127.0.0.1:0", TLS: &tls.Config{Certificates: []tls.Certificate{selfSignedPair(t)}}}}})
	e := &recordCounter{Conn: rawDial(t, s)}
	c := tls.Client(e, &tls.Config{InsecureSkipVerify: true})
	r := bufio.NewReaderSize(c, 1<<10)
	ask := func(m string) {
		t.Helper()
		if _, err := io.WriteString(c, m); err != nil {
			t.Fatal(err)
		}
		for more := true; more; {
			var err error
			if _, more, err = r.ReadLine(); err != nil {
				t.Fatal(err)
			}
		}
	}
	ask(req(1, "ping", "")) // and whatever the handshake brings
	e.records = 0
	ask(req(2, "blob", `{"bytes":48000}`))
	if e.records != 3 {
		t.Errorf("48,000 bytes came in %d records", e.records)
	}
}
