package transports

import (
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"github.com/gannetmcp/gannet/transports/tlsconn"
)

// The protocols that https offers (ALPN, RFC 7301).
const (
	alpnHTTP2 = "h2"
	alpnHTTP1 = "http/1.1"
)

// protocols returns what a listener of HTTP offers, the best first.
func (o *Options) protocols() []string {
	switch {
	case o.HTTP2.Off:
		return []string{alpnHTTP1}
	case o.HTTP2.Only:
		return []string{alpnHTTP2}
	}
	return []string{alpnHTTP2, alpnHTTP1}
}

// secureBy prepares TLS, where the listener has it.
func (ln *listener) secureBy(l Listener) error {
	s := ln.srv
	if !ln.secure {
		if l.TLS != nil {
			return fmt.Errorf("transports: %s: Listener.TLS is set, but %s has no TLS; use tls, https or wss", l.URL, ln.network)
		}
		return nil
	}
	config, err := s.tlsConfig(l, ln.carries)
	if err != nil {
		return err
	}
	if s.gate == nil {
		s.gate = tlsconn.NewGate(tlsconn.GateOptions{MaxHandshakes: s.opts.TLS.MaxHandshakes})
	}
	ln.tls = &tlsconn.Options{
		Config: config, Gate: s.gate, Budget: s.engine, NotTLS: ln.notTLS,
		MaxHandshakeBytes: s.opts.TLS.MaxHandshakeBytes,
	}
	return nil
}

// tlsConfig returns the configuration of a listener.
func (s *Server) tlsConfig(l Listener, carries payload) (*tls.Config, error) {
	var protocols []string
	if carries == payloadHTTP {
		protocols = s.opts.protocols()
	}
	if c := l.TLS; c != nil {
		if len(c.Certificates) == 0 && c.GetCertificate == nil && c.GetConfigForClient == nil {
			return nil, fmt.Errorf("transports: %s: Listener.TLS has no certificate; set Certificates or GetCertificate", l.URL)
		}
		c = c.Clone()
		if c.NextProtos == nil {
			c.NextProtos = protocols
		}
		return c, nil
	}
	if err := s.loadIdentity(); err != nil {
		return nil, fmt.Errorf("transports: %s: %w", l.URL, err)
	}
	return tlsconn.NewConfig(s.identity, s.opts.TLS.MinVersion, protocols...), nil
}

// loadIdentity reads the files of Options.TLS, once.
func (s *Server) loadIdentity() error {
	o := &s.opts.TLS
	if s.identity != nil {
		return nil
	}
	if o.Cert == "" && o.Key == "" && !o.SelfSigned {
		return errors.New("no certificate; set Options.TLS.Cert and Options.TLS.Key, or SelfSigned for development, or Listener.TLS")
	}
	id, err := tlsconn.LoadIdentity(tlsconn.Files{Cert: o.Cert, Key: o.Key, ClientCA: o.ClientCA, SelfSigned: o.SelfSigned})
	if err != nil {
		return err
	}
	if err := id.Valid(); err != nil {
		s.opts.Logger.Warn("clients will refuse the certificate", "error", err)
	}
	s.identity = id
	return nil
}

// ReloadTLS reads the files of Options.TLS again, for handshakes from now on;
// connections stay. What cannot be used is not taken: the error says why. It does
// nothing without such files. Safe from any goroutine.
func (s *Server) ReloadTLS() error {
	if s.identity == nil {
		return nil
	}
	if err := s.identity.Reload(); err != nil {
		return fmt.Errorf("transports: %w", err)
	}
	return nil
}

// Certificate returns the certificate that Options.TLS has led to, nil if there is
// none. It must not be changed.
func (s *Server) Certificate() *tls.Certificate {
	if s.identity == nil {
		return nil
	}
	return s.identity.Certificate()
}

// watchIdentity looks at the files of Options.TLS until the server stops.
func (s *Server) watchIdentity() {
	tick := time.NewTicker(s.opts.TLS.ReloadInterval)
	defer tick.Stop()
	for {
		select {
		case <-s.stopping:
			return
		case <-tick.C:
		}
		switch changed, err := s.identity.ReloadChanged(); {
		case err != nil:
			s.opts.Logger.Error("the files of the certificate have changed, and cannot be used", "error", err)
		case changed:
			s.opts.Logger.Info("the files of the certificate were read again", "valid until", s.identity.Certificate().Leaf.NotAfter)
		}
	}
}
