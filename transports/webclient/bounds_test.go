package webclient

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/engine/mcp"
	"github.com/gannetmcp/gannet/transports"
)

// counting counts what is logged with a text.
type counting struct {
	slog.Handler
	text string
	n    atomic.Int32
}

func (c *counting) Enabled(context.Context, slog.Level) bool { return true }
func (c *counting) Handle(_ context.Context, r slog.Record) error {
	if strings.Contains(r.Message, c.text) {
		c.n.Add(1)
	}
	return nil
}

// Notifications that a server does not take are given up one by one after
// PostTimeout; beyond MaxNotes they are dropped.
func TestNoteBounds(t *testing.T) {
	var stuck atomic.Int32
	release := make(chan struct{})
	url := scripted(t, func(_ http.ResponseWriter, a *asked) bool {
		if a.Method != "notifications/stuck" {
			return false
		}
		stuck.Add(1)
		select {
		case <-a.Context().Done():
		case <-release:
		}
		return true
	})
	dropped := &counting{text: "dropped"}
	refused := &counting{text: "not accepted"}
	o := Options{MaxNotes: 2, PostTimeout: 100 * time.Millisecond, Dial: transports.DialOptions{Logger: slog.New(slog.NewMultiHandler(dropped, refused))}}
	s := dial(t, url, mcp.ClientOptions{}, o)
	defer close(release)
	time.Sleep(50 * time.Millisecond) // initialized is on its way no more
	for range 5 {
		if err := s.Notify(t.Context(), "notifications/stuck", nil); err != nil {
			t.Error(err)
		}
	}
	eventually(t, "all given up", func() bool { return dropped.n.Load() == 3 && refused.n.Load() == 2 && stuck.Load() == 2 })
	if _, err := s.CallTool(t.Context(), "x", nil); err != nil {
		t.Error(err)
	}
}

// Close does not wait for a server longer than CloseTimeout.
func TestCloseTimeout(t *testing.T) {
	asks := make(chan struct{}, 1)
	url := scripted(t, func(_ http.ResponseWriter, a *asked) bool {
		if a.Request.Method == "DELETE" {
			asks <- struct{}{}
			<-a.Context().Done()
			return true
		}
		return false
	})
	s, err := tryDial(t, url, mcp.ClientOptions{}, Options{CloseTimeout: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if d := time.Since(began); d < 90*time.Millisecond || d > 5*time.Second || len(asks) != 1 {
		t.Errorf("closed after %v, %d DELETE", d, len(asks))
	}
}

// Attempts to resume that fail are MaxResumes at most.
func TestMaxResumes(t *testing.T) {
	var gets atomic.Int32
	url := scripted(t, func(w http.ResponseWriter, a *asked) bool {
		switch {
		case a.Method == "tools/call":
			stream(w, "id: 1\nretry: 1\ndata:\n\n")
		case a.Header.Get(fieldLastID) != "":
			gets.Add(1)
			w.WriteHeader(503)
		default:
			return false
		}
		return true
	})
	s := dial(t, url, mcp.ClientOptions{}, Options{MaxResumes: 1})
	if _, err := s.CallTool(t.Context(), "x", nil); err == nil || !strings.Contains(err.Error(), "could not be resumed") {
		t.Errorf("got %v", err)
	}
	if n := gets.Load(); n != 2 {
		t.Errorf("%d attempts", n)
	}
}

// Over TLS, and HTTP/2 where the server has it; a certificate that is not
// trusted is an error.
func TestTLS(t *testing.T) {
	var proto atomic.Value
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		proto.Store(r.Proto)
		a := &asked{Request: r}
		if err := decode(r, a); err != nil {
			t.Error(err)
		}
		if a.Method == "server/discover" {
			result(w, a, `{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{},"ttlMs":0,"cacheScope":"private"}`)
			return
		}
		result(w, a, `{"resultType":"complete","content":[]}`)
	}))
	srv.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	srv.EnableHTTP2 = true
	srv.StartTLS()
	defer srv.Close()
	pool := x509.NewCertPool()
	pool.AddCert(srv.Certificate())
	s := dial(t, srv.URL, mcp.ClientOptions{}, Options{TLS: &tls.Config{RootCAs: pool}})
	if _, err := s.CallTool(t.Context(), "x", nil); err != nil {
		t.Error(err)
	}
	if got := proto.Load(); got != "HTTP/2.0" {
		t.Errorf("spoke %v", got)
	}
	_ = s.Close()
	if _, err := tryDial(t, srv.URL, mcp.ClientOptions{}, Options{}); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("got %v", err)
	}
}
