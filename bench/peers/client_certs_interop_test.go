package peers

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// issueCert makes an authority, if there is none, or a client's certificate by it, and
// writes both to files.
func issueCert(t *testing.T, dir, name string, ca *x509.Certificate, caKey *ecdsa.PrivateKey) (certFile, keyFile string, cert *x509.Certificate, key *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, IsCA: ca == nil, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	if ca == nil {
		ca, caKey = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, ca, &key.PublicKey, caKey)
	if err != nil {
		t.Fatal(err)
	}
	if cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(dir, name+".pem"), filepath.Join(dir, name+".key")
	for file, b := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(b), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certFile, keyFile, cert, key
}

// Clients show certificates, by OpenSSL and curl; those without one are refused.
func TestClientCertificates(t *testing.T) {
	dir := t.TempDir()
	caFile, _, ca, caKey := issueCert(t, dir, "authority", nil, nil)
	certFile, keyFile, _, _ := issueCert(t, dir, "alice", ca, caKey)
	strange, strangeKey, _, _ := issueCert(t, dir, "mallory", nil, nil)
	s := serveTLS(t, "--tls-client-ca", caFile)
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
