package admin

import (
	"crypto/tls"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/engine/mcp"
	"github.com/gannetmcp/gannet/transports"
	"github.com/gannetmcp/gannet/transports/tlsconn"
)

// What TLS has come to is counted by what was agreed on, and by why it failed.
func TestHandshakes(t *testing.T) {
	s, err := transports.Listen(mcp.NewServer(mcp.Options{Name: "admin"}), transports.Options{
		Listeners: []transports.Listener{{URL: "tls://127.0.0.1:0"}}, TLS: transports.TLSOptions{SelfSigned: true, MinVersion: tls.VersionTLS12},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, config := range []*tls.Config{
		{InsecureSkipVerify: true},
		{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384}},
		{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11},
	} {
		c, err := tls.Dial("tcp", strings.TrimPrefix(s.Addrs()[0], "tls://"), config)
		if err == nil {
			// The answer comes when the loop has taken the connection up.
			_, _ = c.Write([]byte("{}\n"))
			_, _ = c.Read(make([]byte, 1))
			_ = c.Close()
		}
	}
	// An alert is on the wire before its loop has counted what it was for.
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if n := s.Snapshot().TLS; n.Done == 2 && n.Failed[tlsconn.FailedHandshake] == 1 {
			break
		}
	}
	w := httptest.NewRecorder()
	Handler(s, nil).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	body := w.Body.String()
	for _, want := range []string{
		`gannet_tls_handshakes_total{version="1.3",cipher="TLS_`,
		`gannet_tls_handshakes_total{version="1.2",cipher="TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"} 1`,
		`gannet_tls_handshakes_failed_total{reason="handshake"} 1`,
		"\ngannet_tls_handshake_duration_seconds_count 2\n",
		`gannet_tls_handshake_duration_seconds_bucket{le="+Inf"} 2`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("metrics lack %s", want)
		}
	}
	if n := strings.Count(body, "gannet_tls_handshakes_total{"); n != 2 {
		t.Errorf("%d lines of versions and suites", n)
	}
}
