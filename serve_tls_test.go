package main

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// With a certificate the defaults have TLS, too; SIGHUP has a new one read, and
// connections stay.
func TestTLS(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	p := start(t, nil, "serve", "--demo", "--tls-self-signed", "--tls-cert", cert, "--tls-key", key, "--tls-reload", "0s",
		"--listen", "tls://127.0.0.1:0", "--listen", "https://127.0.0.1:0")
	lines, web := p.line("listening tls://"), p.line("listening https://")
	trust := func() *tls.Config {
		b, err := os.ReadFile(cert)
		roots := x509.NewCertPool()
		if err != nil || !roots.AppendCertsFromPEM(b) {
			t.Fatal(err)
		}
		return &tls.Config{RootCAs: roots, ServerName: "localhost"}
	}
	old := trust()
	c, err := tls.Dial("tcp", lines, old)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	ask := func(id int) {
		t.Helper()
		if _, err := io.WriteString(c, call(id, "echo", `{"text":"x"}`)); err != nil {
			t.Fatal(err)
		}
		answers(t, c, 1)
	}
	ask(1)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: old, ForceAttemptHTTP2: true}}
	defer client.CloseIdleConnections()
	r, err := client.Get("https://" + web + "/")
	if err != nil {
		t.Fatal(err)
	}
	page, _ := io.ReadAll(r.Body)
	_ = r.Body.Close()
	if r.StatusCode != 200 || r.Proto != "HTTP/2.0" || !strings.Contains(string(page), "https://"+web+"/mcp") {
		t.Errorf("%d %s %s", r.StatusCode, r.Proto, page)
	}
	said := func(what string) {
		t.Helper()
		for end := time.Now().Add(patience); !strings.Contains(p.stderr.String(), what); time.Sleep(5 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("it does not say %q: %s", what, p.stderr.String())
			}
		}
	}
	said("self-signed=true")

	// Half of a new pair is not taken; the whole is.
	keep, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(key, []byte("not a key"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.signal(syscall.SIGHUP)
	said("cannot be used")
	if err := os.WriteFile(key, keep, 0o600); err != nil {
		t.Fatal(err)
	}
	q := start(t, nil, "serve", "--tls-self-signed", "--tls-cert", cert+"2", "--tls-key", key+"2", "--listen", "tls://127.0.0.1:0")
	q.line("listening tls://")
	q.signal(syscall.SIGTERM)
	if code := q.exit(); code != 0 {
		t.Errorf("code %d", code)
	}
	for _, f := range []string{cert, key} {
		if err := os.Rename(f+"2", f); err != nil {
			t.Fatal(err)
		}
	}
	p.signal(syscall.SIGHUP)
	said("were read again")
	if c, err := tls.Dial("tcp", lines, old); err == nil {
		_ = c.Close()
		t.Error("the old certificate is still shown")
	}
	fresh, err := tls.Dial("tcp", lines, trust())
	if err != nil {
		t.Fatal(err)
	}
	_ = fresh.Close()
	ask(2)
	p.signal(syscall.SIGTERM)
	if code := p.exit(); code != 0 {
		t.Errorf("code %d", code)
	}
	if b, err := io.ReadAll(c); err != nil || len(b) > 0 {
		t.Errorf("at the end: %q, %v", b, err)
	}
}

// The defaults with a certificate.
func TestDefaultURLs(t *testing.T) {
	plain, secure := settings{}, settings{TLSSelfSigned: true}
	got := strings.Join(secure.urls()[len(plain.urls()):], " ")
	if got != "https://127.0.0.1:7643 tls://127.0.0.1:7644" {
		t.Error(got)
	}
}
