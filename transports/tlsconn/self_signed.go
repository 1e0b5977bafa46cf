package tlsconn

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"time"
)

// selfSignedFor is how long a certificate for development is valid: as long as
// clients accept at most.
const selfSignedFor = 397 * 24 * time.Hour

// SelfSigned makes a certificate for development: a key on P-256, signed by
// itself, for localhost, 127.0.0.1 and ::1, and for the names and addresses in
// hosts beside them. Clients must be told to trust it. It is returned as PEM, for
// files.
func SelfSigned(hosts ...string) (certPEM, keyPEM []byte, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("tlsconn: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, nil, fmt.Errorf("tlsconn: %w", err)
	}
	now := time.Now()
	c := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: "localhost", Organization: []string{"Gannet development certificate"}},
		NotBefore:    now.Add(-time.Hour), // clocks differ
		NotAfter:     now.Add(selfSignedFor - time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},

		BasicConstraintsValid: true,
		DNSNames:              []string{"localhost"},
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			c.IPAddresses = append(c.IPAddresses, ip)
		} else {
			c.DNSNames = append(c.DNSNames, h)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		return nil, nil, fmt.Errorf("tlsconn: %w", err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, fmt.Errorf("tlsconn: %w", err)
	}
	var cert, private bytes.Buffer
	for _, b := range []struct {
		to   *bytes.Buffer
		kind string
		der  []byte
	}{{&cert, "CERTIFICATE", der}, {&private, "PRIVATE KEY", secret}} {
		if err := pem.Encode(b.to, &pem.Block{Type: b.kind, Bytes: b.der}); err != nil {
			return nil, nil, fmt.Errorf("tlsconn: %w", err)
		}
	}
	return cert.Bytes(), private.Bytes(), nil
}

// SelfSignedIdentity is SelfSigned as an Identity, kept nowhere.
func SelfSignedIdentity(hosts ...string) (*Identity, error) {
	cert, key, err := SelfSigned(hosts...)
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("tlsconn: %w", err)
	}
	return NewIdentity(pair, nil), nil
}
