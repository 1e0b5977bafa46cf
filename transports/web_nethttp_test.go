package transports

import (
	"context"
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/engine/mcp"
	"github.com/gannetmcp/gannet/transports/nethttp"
	"github.com/gannetmcp/gannet/transports/web"
)

// webHost serves HTTP: a Server, or what stands in its place.
type webHost interface {
	Addrs() []string
	Snapshot() Snapshot
	Shutdown(ctx context.Context) error
}

type webHostFunc func(t *testing.T, o mcp.Options, eo engine.Options) (webHost, *mcp.Server)

// onEachWebHost runs a test on the event loop, by HTTP/1.1 and by HTTP/2, without
// TLS and with it, and on net/http, which must not differ in what they answer.
func onEachWebHost(t *testing.T, f func(t *testing.T, serve webHostFunc)) {
	t.Run("loop", func(t *testing.T) {
		f(t, func(t *testing.T, o mcp.Options, eo engine.Options) (webHost, *mcp.Server) {
			return webServer(t, o, eo)
		})
	})
	t.Run("http2", func(t *testing.T) {
		if testing.Short() {
			t.Skip("https2 has both")
		}
		overHTTP2(t)
		f(t, func(t *testing.T, o mcp.Options, eo engine.Options) (webHost, *mcp.Server) {
			s, svc := webServer(t, o, eo)
			t.Cleanup(func() {
				if n := s.Snapshot().HTTP2; n.Requests == 0 || n.Failed != [web.NumHTTP2Failures]uint64{} {
					t.Errorf("HTTP/2 was not spoken, or not well: %+v", n)
				}
			})
			return s, svc
		})
	})
	for name, proto := range map[string]string{"https": "HTTP/1.1", "https2": "HTTP/2.0"} {
		t.Run(name, func(t *testing.T) {
			if testing.Short() && name == "https" {
				t.Skip("https2 has both")
			}
			overTLS(t, proto)
			f(t, func(t *testing.T, o mcp.Options, eo engine.Options) (webHost, *mcp.Server) {
				s, svc := webServerAt(t, "https://127.0.0.1:0", o, eo)
				t.Cleanup(func() {
					if n := s.Snapshot(); n.TLS.Done == 0 || (n.HTTP2.Requests > 0) != (proto == "HTTP/2.0") {
						t.Errorf("%s over TLS was not spoken: %+v", proto, n)
					}
				})
				return s, svc
			})
		})
	}
	t.Run("nethttp", func(t *testing.T) {
		f(t, func(t *testing.T, o mcp.Options, eo engine.Options) (webHost, *mcp.Server) {
			return netHTTPServer(t, o, eo)
		})
	})
}

// overHTTP2 has net/http's default client speak HTTP/2 without TLS, until the end
// of the test.
func overHTTP2(t *testing.T) {
	before := http.DefaultClient
	http.DefaultClient = &http.Client{Transport: http2Transport()}
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		http.DefaultClient = before
	})
}

// overTLS has it speak TLS, and a version of HTTP.
func overTLS(t *testing.T, proto string) {
	before := http.DefaultClient
	tr := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, Protocols: new(http.Protocols)}
	tr.Protocols.SetHTTP1(proto == "HTTP/1.1")
	tr.Protocols.SetHTTP2(proto == "HTTP/2.0")
	http.DefaultClient = &http.Client{Transport: tr}
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		http.DefaultClient = before
	})
}

func http2Transport() *http.Transport {
	tr := &http.Transport{Protocols: new(http.Protocols)}
	tr.Protocols.SetUnencryptedHTTP2(true)
	return tr
}

// netHTTPHost is a nethttp.Handler behind a server of net/http.
type netHTTPHost struct {
	h *nethttp.Handler
	s *httptest.Server
}

func (n netHTTPHost) Addrs() []string                    { return []string{n.s.URL} }
func (n netHTTPHost) Snapshot() Snapshot                 { return Snapshot{Engine: n.h.Snapshot().Engine} }
func (n netHTTPHost) Shutdown(ctx context.Context) error { return n.h.Shutdown(ctx) }

func netHTTPServer(t *testing.T, o mcp.Options, eo engine.Options) (webHost, *mcp.Server) {
	t.Helper()
	svc := webService(o)
	h, err := nethttp.New(svc, nethttp.Options{Engine: eo})
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(h)
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		if err := h.Shutdown(grace(10 * time.Second)); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		s.Close()
		n := h.Snapshot()
		if n.Requests != 0 || n.Engine.Connections != 0 || n.Engine.InFlight != 0 || n.Engine.BufferedBytes != 0 || n.Engine.Panics != 0 {
			t.Errorf("left: %+v", n)
		}
		if st := h.Engine().Buffers().Stats(); st.Outstanding != st.Cached+svc.Stats().ReplayEvents {
			t.Errorf("%d buffers not returned, %d of them in the loops' caches", st.Outstanding, st.Cached)
		}
	})
	return netHTTPHost{h, s}, svc
}
