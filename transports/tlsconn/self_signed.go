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
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
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

// makeSelfSigned makes the certificate of an Identity, where there is none yet.
func (i *Identity) makeSelfSigned() error {
	f := &i.files
	_, certErr := os.Stat(f.Cert)
	_, keyErr := os.Stat(f.Key)
	if f.Cert != "" && (certErr == nil || keyErr == nil) {
		return nil // load says what is wrong if only one of them is there
	}
	cert, key, err := SelfSigned()
	if err != nil {
		return err
	}
	if f.Cert == "" {
		pair, err := tls.X509KeyPair(cert, key)
		i.made = &pair
		return err
	}
	if err := writeNew(f.Key, key, 0o600); err != nil {
		return err
	}
	if err := writeNew(f.Cert, cert, 0o644); err != nil {
		return errors.Join(err, os.Remove(f.Key)) // alone it would be in the way of the next attempt
	}
	return nil
}

// writeNew writes a file that must not be there yet.
func writeNew(name string, b []byte, mode os.FileMode) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err == nil {
		if _, err = f.Write(b); err == nil {
			err = f.Close()
		} else {
			err = errors.Join(err, f.Close(), os.Remove(name))
		}
	}
	if err != nil {
		return fmt.Errorf("tlsconn: keeping a certificate for development: %w", err)
	}
	return nil
}
