package peers

import (
	"strings"
	"testing"

	"github.com/gannetmcp/gannet/transports/tlsconn/tlstest"
)

// Clients show certificates, by OpenSSL and curl; those without one are refused.
func TestClientCertificates(t *testing.T) {
	ours, strangers := tlstest.NewAuthority(t, "ours"), tlstest.NewAuthority(t, "strangers")
	certFile, keyFile := tlstest.Files(t, ours.Issue(t, "alice"))
	strange, strangeKey := tlstest.Files(t, strangers.Issue(t, "mallory"))
	s := serveTLS(t, "--tls-client-ca", ours.File)
	c := openssl(t, s.tls, s.cert, "-cert", certFile, "-key", keyFile)
	c.ping(1)
	c.quit()
	openssl(t, s.tls, s.cert).until("SSL alert number 116") // certificate_required
	if out, err := curl(t, s, "https://"+s.https+"/", "--cert", certFile, "--key", keyFile); err != nil || !strings.Contains(out, "An MCP server") {
		t.Errorf("curl with a certificate: %v\n%s", err, out)
	}
	for _, args := range [][]string{nil, {"--cert", strange, "--key", strangeKey}} {
		if out, err := curl(t, s, "https://"+s.https+"/", args...); err == nil {
			t.Errorf("curl %q: %s", args, out)
		}
	}
}
