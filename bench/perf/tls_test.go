package main

import (
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gannetmcp/gannet/bench/load"
	"github.com/gannetmcp/gannet/bench/result"
)

// perf load over TLS: what was agreed on is in the result, and what keeps a server
// from being trusted is said with the flag that helps.
func TestLoadTLS(t *testing.T) {
	linux(t)
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		_, _ = w.Write(answer(body))
	}))
	t.Cleanup(srv.Close)
	dir := t.TempDir()
	ca, saved := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "r.json")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	target := srv.URL + "/mcp"
	code, out, errs := perf("load", target, "-c", "3", "-n", "60", "-q", "--warmup", "0", "--ca", ca, "--server-name", "example.com", "--tls-resume", "--save", saved)
	if code != exitOK && code != exitSaturated || !strings.Contains(out, "tls         TLS 1.3, TLS_") {
		t.Fatalf("exit code %d: %s%s", code, out, errs)
	}
	r, err := result.Read(saved)
	if err != nil || r.Runs[0].TLS == nil || r.Runs[0].TLS.Resumed != 2 || r.Runs[0].TLS.Agreed[0].Sockets != 3 {
		t.Errorf("%+v, %v", r, err)
	}
	if code, _, errs := perf("load", target, "-q"); code != exitConnect || !strings.Contains(errs, "--ca FILE") {
		t.Errorf("a server that nobody vouches for: exit code %d: %s", code, errs)
	}
	if code, _, errs := perf("load", target, "-q", "--insecure", "--tls-version", "1.1"); code != exitUsage || errs == "" {
		t.Errorf("an old version: exit code %d: %s", code, errs)
	}
	if code, _, errs := perf("load", "tcp://127.0.0.1:1", "-q", "--insecure"); code != exitUsage || errs == "" {
		t.Errorf("no TLS there: exit code %d: %s", code, errs)
	}
	plain := *r.Runs[0]
	plain.TLS, plain.Target = nil, strings.Replace(plain.Target, "https://", "http://", 1)
	other := *r
	other.Runs = []*load.Result{&plain}
	plain.Generator.Saturated, r.Runs[0].Generator.Saturated = false, false
	if _, err := result.Compare(r, &other); err == nil || !strings.Contains(err.Error(), "one is by https, the other by http") {
		t.Errorf("with TLS and without: %v", err)
	}
}

// A port without TLS is told from a wrong certificate.
func TestLoadNoTLSThere(t *testing.T) {
	linux(t)
	target := listenBy(t, func(c io.ReadWriter) { _, _ = io.WriteString(c, "what is it?\n") })
	code, _, errs := perf("load", strings.Replace(target, "tcp://", "tls://", 1), "-q")
	if code != exitConnect || !strings.Contains(errs, "Try: the same without TLS") {
		t.Errorf("exit code %d: %s", code, errs)
	}
}
