package load

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// TLSOptions are those of targets on TLS. Each may be zero.
type TLSOptions struct {
	CAFile   string `json:"ca,omitempty"`       // certificates, PEM, that the server's is to come from; "" is the system's
	Insecure bool   `json:"insecure,omitempty"` // any certificate will do
	// ServerName is asked for, and looked for in the certificate; "" is the
	// target's host.
	ServerName string `json:"server_name,omitempty"`
	CertFile   string `json:"cert,omitempty"`    // this client's certificate, PEM
	KeyFile    string `json:"key,omitempty"`     // and its key
	Version    string `json:"version,omitempty"` // "1.2" or "1.3" and no other; "" is either
	Resume     bool   `json:"resume,omitempty"`  // tickets of one connection shorten the handshakes of later ones
}

// tlsVersions are what TLSOptions.Version may say.
var tlsVersions = map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}

// validate checks what needs no file.
func (o *TLSOptions) validate(t *target) error {
	switch {
	case !t.secure && *o != TLSOptions{}:
		return usagef("TLS: %.100q has none; leave its options out, or use tls://, https:// or wss://", t.scheme+"://"+t.address)
	case o.Version != "" && tlsVersions[o.Version] == 0:
		return usagef("TLS version %.20q is neither 1.2 nor 1.3", o.Version)
	case (o.CertFile == "") != (o.KeyFile == ""):
		return usagef("a client's certificate and its key go together")
	case o.CAFile != "" && o.Insecure:
		return usagef("any certificate will do, or one from %s: not both", o.CAFile)
	}
	return nil
}

// alpnHTTP2 is the name of HTTP/2 over TLS (RFC 9113 §3.2).
const alpnHTTP2 = "h2"

// config reads the files.
func (o *TLSOptions) config(t *target) (*tls.Config, error) {
	c := &tls.Config{ServerName: o.ServerName, InsecureSkipVerify: o.Insecure, MinVersion: tls.VersionTLS12,
		// Records as long as can be from the first on: short ones are for
		// browsers, which show what has come.
		DynamicRecordSizingDisabled: true}
	if c.ServerName == "" {
		c.ServerName = t.name
	}
	switch {
	case t.http, t.ws:
		c.NextProtos = []string{"http/1.1"}
	case t.h2:
		c.NextProtos = []string{alpnHTTP2}
	}
	if v := tlsVersions[o.Version]; v != 0 {
		c.MinVersion, c.MaxVersion = v, v
	}
	if o.Resume {
		c.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	}
	if o.CAFile != "" {
		pem, err := os.ReadFile(o.CAFile)
		if err != nil {
			return nil, usagef("certificates: %v", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, usagef("%s: no certificate in PEM is in it", o.CAFile)
		}
	}
	if o.CertFile != "" {
		cert, err := tls.LoadX509KeyPair(o.CertFile, o.KeyFile)
		if err != nil {
			return nil, usagef("the client's certificate: %v", err)
		}
		c.Certificates = []tls.Certificate{cert}
	}
	return c, nil
}

// TLS is what the handshakes of a run came to, each socket's: of HTTP with SSE a
// connection has two.
type TLS struct {
	Agreed  []TLSAgreement `json:"agreed"`
	Resumed int64          `json:"resumed"` // of all
	// Unverified says that any certificate would have done.
	Unverified bool `json:"unverified,omitempty"`
	// Full is from the first byte of a handshake to its end, as the client sees
	// it; Short the same where a session was resumed. Absent where there was none.
	Full  *Latency `json:"full_us,omitempty"`
	Short *Latency `json:"resumed_us,omitempty"`
}

// A TLSAgreement is what some handshakes ended with, by the names of IANA.
type TLSAgreement struct {
	Version  string `json:"version"`
	Suite    string `json:"suite"`
	Group    string `json:"group,omitempty"`    // of the key exchange
	Protocol string `json:"protocol,omitempty"` // by ALPN
	Sockets  int64  `json:"sockets"`
}

// maxAgreements bounds TLS.Agreed: what is beyond is in none of them.
const maxAgreements = 16

// A security is the client's side of TLS and what its handshakes came to. One
// goroutine only.
type security struct {
	config      *tls.Config
	agreed      []TLSAgreement
	full, short *hdrhistogram.Histogram // ns
}

// newSecurity reads the files of the options; nil where the target has no TLS.
func newSecurity(o *TLSOptions, t *target) (*security, error) {
	if !t.secure {
		return nil, nil
	}
	c, err := o.config(t)
	if err != nil {
		return nil, err
	}
	return &security{config: c, full: hdrhistogram.New(1, maxLatency, 3), short: hdrhistogram.New(1, maxLatency, 3)}, nil
}

// begin starts a phase of connections that are opened again and again.
func (s *security) begin() {
	s.agreed = nil
	s.full.Reset()
	s.short.Reset()
}

// note counts a handshake that took ns.
func (s *security) note(c *tls.ConnectionState, ns int64) {
	if c.DidResume {
		_ = s.short.RecordValue(clip(ns))
	} else {
		_ = s.full.RecordValue(clip(ns))
	}
	a := TLSAgreement{Version: tls.VersionName(c.Version), Suite: tls.CipherSuiteName(c.CipherSuite), Protocol: c.NegotiatedProtocol}
	if c.CurveID != 0 {
		a.Group = c.CurveID.String()
	}
	for i := range s.agreed {
		known := s.agreed[i]
		if known.Sockets = 0; known == a {
			s.agreed[i].Sockets++
			return
		}
	}
	if a.Sockets = 1; len(s.agreed) < maxAgreements {
		s.agreed = append(s.agreed, a)
	}
}

// result sums up; nil where the target has no TLS.
func (s *security) result() *TLS {
	if s == nil {
		return nil
	}
	t := &TLS{Agreed: append([]TLSAgreement(nil), s.agreed...), Resumed: s.short.TotalCount(), Unverified: s.config.InsecureSkipVerify}
	if s.full.TotalCount() > 0 {
		t.Full = latencyOf(s.full)
	}
	if s.short.TotalCount() > 0 {
		t.Short = latencyOf(s.short)
	}
	return t
}

// lines are the result for people.
func (t *TLS) lines() (all []string) {
	for _, a := range t.Agreed {
		text := a.Version + ", " + a.Suite
		if a.Group != "" {
			text += ", " + a.Group
		}
		if a.Protocol != "" {
			text += ", " + a.Protocol
		}
		all = append(all, fmt.Sprintf("%s: %d sockets", text, a.Sockets))
	}
	if t.Unverified {
		all = append(all, "the server's certificate was not verified")
	}
	for _, l := range []struct {
		name string
		of   *Latency
	}{{"full", t.Full}, {"resumed", t.Short}} {
		if l.of != nil {
			all = append(all, fmt.Sprintf("%s handshakes p50 %.1f  p90 %.1f  p99 %.1f  max %.1f  mean %.1f µs", l.name, l.of.P50, l.of.P90, l.of.P99, l.of.Max, l.of.Mean))
		}
	}
	return all
}
