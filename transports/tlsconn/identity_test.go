package tlsconn

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/transports/tlsconn/tlstest"
)

// pair writes a certificate for development into a folder.
func pair(t testing.TB, dir string) Files {
	t.Helper()
	f := Files{Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")}
	cert, key, err := SelfSigned("example.test", "192.0.2.1")
	if err != nil {
		t.Fatal(err)
	}
	put(t, f.Cert, cert)
	put(t, f.Key, key)
	return f
}

func put(t testing.TB, name string, b []byte) {
	t.Helper()
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func copyFile(t testing.TB, to, from string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	put(t, to, b)
}

// The certificate for development is what clients take, for the names in it, and
// no longer than they take it.
func TestSelfSigned(t *testing.T) {
	id, err := LoadIdentity(pair(t, t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	leaf := id.Certificate().Leaf
	for _, name := range []string{"localhost", "127.0.0.1", "::1", "example.test", "192.0.2.1"} {
		if _, err := leaf.Verify(x509.VerifyOptions{Roots: rootsOf(id), DNSName: name}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: rootsOf(id), DNSName: "example.org"}); err == nil {
		t.Error("it is taken for a name that is not in it")
	}
	if d := leaf.NotAfter.Sub(leaf.NotBefore); d > 398*24*time.Hour || leaf.IsCA || leaf.PublicKeyAlgorithm != x509.ECDSA || id.Valid() != nil {
		t.Errorf("valid for %v, CA %v, %v, %v", d, leaf.IsCA, leaf.PublicKeyAlgorithm, id.Valid())
	}
}

func TestLoadIdentityErrors(t *testing.T) {
	dir := t.TempDir()
	good, other := pair(t, dir), pair(t, mkdir(t, dir, "other"))
	junk := filepath.Join(dir, "junk.pem")
	put(t, junk, []byte("no PEM at all"))
	for _, tc := range []struct {
		f    Files
		want string
	}{
		{Files{}, "no certificate"},
		{Files{Cert: good.Cert}, "name both"},
		{Files{Key: good.Key}, "name both"},
		{Files{Key: good.Key, SelfSigned: true}, "name both"},
		{Files{Cert: good.Cert, Key: other.Key}, "belongs to it"},
		{Files{Cert: good.Key, Key: good.Cert}, "belongs to it"},
		{Files{Cert: junk, Key: good.Key}, "junk.pem"},
		{Files{Cert: filepath.Join(dir, "none"), Key: good.Key}, "no such file"},
		{Files{Cert: filepath.Join(dir, "none"), Key: good.Key, SelfSigned: true}, "no such file"},
		{Files{Cert: filepath.Join(dir, "no/cert"), Key: filepath.Join(dir, "no/key"), SelfSigned: true}, "no such file"},
		{Files{Cert: good.Cert, Key: good.Key, ClientCA: junk}, "no certificate in it"},
		{Files{Cert: good.Cert, Key: good.Key, ClientCA: filepath.Join(dir, "none")}, "authorities"},
	} {
		if _, err := LoadIdentity(tc.f); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%+v: %v, want %q", tc.f, err, tc.want)
		}
	}
}

func mkdir(t testing.TB, dir, name string) string {
	t.Helper()
	dir = filepath.Join(dir, name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

// A certificate for development that is kept is made once, its key for nobody
// else to read.
func TestSelfSignedKept(t *testing.T) {
	dir := t.TempDir()
	f := Files{Cert: filepath.Join(dir, "c"), Key: filepath.Join(dir, "k"), SelfSigned: true}
	first, err := LoadIdentity(f)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(f.Key); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	half := Files{Cert: filepath.Join(dir, "no/c"), Key: filepath.Join(dir, "k2"), SelfSigned: true}
	if _, err := LoadIdentity(half); err == nil {
		t.Error("a folder that is not there")
	}
	half.Cert = filepath.Join(dir, "c2")
	if _, err := LoadIdentity(half); err != nil {
		t.Errorf("the attempt before is in the way: %v", err)
	}
	second, err := LoadIdentity(f)
	if err != nil || !second.Certificate().Leaf.Equal(first.Certificate().Leaf) {
		t.Errorf("another one: %v", err)
	}
}

// A new pair is taken when its files have changed, and a bad one is not: the old
// one stays in use, and that is said once.
func TestReload(t *testing.T) {
	dir := t.TempDir()
	f := pair(t, dir)
	id, err := LoadIdentity(f)
	if err != nil {
		t.Fatal(err)
	}
	old := id.Certificate()
	if changed, err := id.ReloadChanged(); changed || err != nil {
		t.Errorf("nothing has changed: %v, %v", changed, err)
	}
	next := pair(t, mkdir(t, dir, "next"))
	move := func(from, to string) {
		t.Helper()
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	move(next.Cert, f.Cert) // the key is still the old one
	if changed, err := id.ReloadChanged(); !changed || err == nil || !strings.Contains(err.Error(), "stays") {
		t.Errorf("half of a pair: %v, %v", changed, err)
	}
	if changed, err := id.ReloadChanged(); changed || err != nil {
		t.Errorf("said again: %v, %v", changed, err)
	}
	if err := id.Reload(); err == nil || id.Certificate() != old {
		t.Errorf("on demand: %v", err)
	}
	move(next.Key, f.Key)
	if changed, err := id.ReloadChanged(); !changed || err != nil || id.Certificate().Leaf.Equal(old.Leaf) {
		t.Errorf("a whole pair: %v, %v", changed, err)
	}
	current := id.Certificate()
	if err := os.Remove(f.Key); err != nil {
		t.Fatal(err)
	}
	if changed, err := id.ReloadChanged(); !changed || err == nil || id.Certificate() != current {
		t.Errorf("a pair that is gone: %v, %v", changed, err)
	}
	late := pair(t, dir)
	for _, now := range []time.Time{time.Now().Add(2 * selfSignedFor), time.Now().Add(-48 * time.Hour)} {
		id.now = func() time.Time { return now }
		if err := id.Reload(); err == nil || id.Certificate() != current || id.Valid() == nil {
			t.Errorf("at %v: %v", now, err)
		}
	}
	id.now = time.Now
	if err := id.Reload(); err != nil || id.Certificate() == current || late != f {
		t.Errorf("a good one again: %v", err)
	}
}

// What is replaced holds for the next handshake; a connection that is there is
// left alone.
func TestReloadUnderConnections(t *testing.T) {
	f := pair(t, t.TempDir())
	id, err := LoadIdentity(f)
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, GateOptions{})
	r.opts.Config = NewConfig(id, tls.VersionTLS13)
	first := &tls.Config{RootCAs: rootsOf(id), ServerName: "localhost"}
	o := r.owner().start()
	c := o.dial(first)
	exchange(t, c, []byte("before"))
	pair(t, filepath.Dir(f.Cert))
	if err := id.Reload(); err != nil {
		t.Fatal(err)
	}
	exchange(t, c, []byte("behind"))
	second := &tls.Config{RootCAs: rootsOf(id), ServerName: "localhost"}
	exchange(t, r.owner().start().dial(second), []byte("new"))
	o = r.owner().start()
	if err := tls.Client(o.end, first).Handshake(); err == nil {
		t.Error("the old certificate is still shown")
	}
}

// Clients show a certificate of an authority that counts now: none, a strange one
// and one of an authority that is gone are refused, resumed sessions too.
func TestClientCertificates(t *testing.T) {
	dir := t.TempDir()
	f := pair(t, dir)
	f.ClientCA = filepath.Join(dir, "ca.pem")
	one, two := tlstest.NewAuthority(t, "one"), tlstest.NewAuthority(t, "two")
	copyFile(t, f.ClientCA, one.File)
	id, err := LoadIdentity(f)
	if err != nil {
		t.Fatal(err)
	}
	for _, version := range []uint16{tls.VersionTLS13, tls.VersionTLS12} {
		copyFile(t, f.ClientCA, one.File)
		if err := id.Reload(); err != nil {
			t.Fatal(err)
		}
		r := newRig(t, GateOptions{})
		r.opts.Config = NewConfig(id, tls.VersionTLS12)
		// talk returns what a client comes to, which TLS 1.3 tells it behind its
		// handshake.
		talk := func(config *tls.Config) (name string, resumed bool, err error) {
			o := r.owner()
			o.data = func(o *owner, plain []byte) {
				if cs := o.s.State(); len(cs.PeerCertificates) == 1 && len(cs.VerifiedChains) == 1 {
					_ = o.s.Seal([]byte(cs.PeerCertificates[0].Subject.CommonName))
				}
			}
			o.start()
			defer o.finish()
			_ = o.end.SetDeadline(time.Now().Add(patience))
			c := tls.Client(o.end, config)
			if err := c.Handshake(); err != nil {
				return "", false, err
			}
			_, _ = c.Write([]byte("who am I?"))
			b := make([]byte, 5)
			_, err = io.ReadFull(c, b)
			return string(b), c.ConnectionState().DidResume, err
		}
		client := func(certs ...tls.Certificate) *tls.Config {
			return &tls.Config{RootCAs: rootsOf(id), ServerName: "localhost", MaxVersion: version, Certificates: certs, ClientSessionCache: tls.NewLRUClientSessionCache(1)}
		}
		alice, bob := client(one.Issue(t, "alice")), client(two.Issue(t, "bob--"))
		for i, want := range []bool{false, true} {
			if name, resumed, err := talk(alice); name != "alice" || resumed != want || err != nil {
				t.Errorf("alice, time %d: %q, resumed %v, %v", i+1, name, resumed, err)
			}
		}
		if _, _, err := talk(client()); err == nil {
			t.Error("without a certificate, and taken")
		}
		if _, _, err := talk(bob); err == nil {
			t.Error("of a strange authority, and taken")
		}
		copyFile(t, f.ClientCA, two.File)
		if err := id.Reload(); err != nil {
			t.Fatal(err)
		}
		if name, _, err := talk(bob); name != "bob--" || err != nil {
			t.Errorf("bob: %q, %v", name, err)
		}
		if _, _, err := talk(alice); err == nil {
			t.Error("alice resumes although her authority is gone")
		}
	}
}

// Two configurations of one identity keep apart what they speak.
func TestConfigsOfOneIdentity(t *testing.T) {
	f := pair(t, t.TempDir())
	f.ClientCA = tlstest.NewAuthority(t, "one").File
	id, err := LoadIdentity(f)
	if err != nil {
		t.Fatal(err)
	}
	a, b := NewConfig(id, tls.VersionTLS13, "h2"), NewConfig(id, tls.VersionTLS13)
	for range 2 {
		ca, _ := a.GetConfigForClient(nil)
		cb, _ := b.GetConfigForClient(nil)
		if len(ca.NextProtos) != 1 || len(cb.NextProtos) != 0 || ca.ClientCAs == nil {
			t.Errorf("%v, %v", ca.NextProtos, cb.NextProtos)
		}
	}
}

// A file that reading might wait for, such as a pipe, is not read again: whoever
// reads would hold up every reload after it.
func TestReloadIrregular(t *testing.T) {
	f := pair(t, t.TempDir())
	f.ClientCA = tlstest.NewAuthority(t, "authority").File
	f.TicketKeys = filepath.Join(filepath.Dir(f.Cert), "keys")
	put(t, f.TicketKeys, []byte(ticketKey('a')))
	id, err := LoadIdentity(f)
	if err != nil {
		t.Fatal(err)
	}
	was := id.Certificate()
	for _, file := range f.names() {
		kept := file + ".kept"
		if err := os.Rename(file, kept); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Mkfifo(file, 0o600); err != nil {
			t.Fatal(err)
		}
		for name, reload := range map[string]func() error{"Reload": id.Reload, "ReloadChanged": func() error { _, err := id.ReloadChanged(); return err }} {
			done := make(chan error, 1)
			go func() { done <- reload() }()
			select {
			case err := <-done:
				if name == "Reload" && (err == nil || !strings.Contains(err.Error(), file+" is no regular file")) {
					t.Errorf("%s: %v", name, err)
				}
			case <-time.After(5 * time.Second):
				t.Fatalf("%s waits for a pipe, %s", name, file)
			}
		}
		if id.Certificate() != was {
			t.Error("the certificate is another")
		}
		if err := os.Rename(kept, file); err != nil {
			t.Fatal(err)
		}
	}
	if err := id.Reload(); err != nil {
		t.Errorf("when the files were back: %v", err)
	}
}
