package main

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"log/slog"
	"net/url"
	"os"
	"os/signal"
	"syscall"

	"github.com/gannetmcp/gannet/transports"
)

// reloadOnHangup has the certificate's files read again at each SIGHUP, until stop
// is called. Without files SIGHUP ends the process, as it does others.
func (s *settings) reloadOnHangup(l *transports.Server, log *slog.Logger) (stop func()) {
	if s.TLSCert == "" && s.TLSClientCA == "" && s.TLSTicketKeys == "" {
		return func() {}
	}
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	done := make(chan struct{})
	go func() {
		for {
			select {
			case <-done:
				return
			case <-hangup:
			}
			if err := l.ReloadTLS(); err != nil {
				log.Error("SIGHUP: the files of the certificate cannot be used", "error", err)
				continue
			}
			log.Info("SIGHUP: the files of the certificate were read again", certificateFacts(l)...)
		}
	}()
	return func() { signal.Stop(hangup); close(done) }
}

// tellOfTLS logs what clients will see of TLS, and what they may do.
func (s *settings) tellOfTLS(l *transports.Server, log *slog.Logger) {
	if l.Certificate() == nil {
		return
	}
	log.Info("certificate", certificateFacts(l)...)
	for _, addr := range l.Addrs() {
		u, err := url.Parse(addr)
		if err == nil && !loopback(u.Hostname()) && u.Scheme != "unix" && s.TLSClientCA == "" && s.HTTPTokens == "" {
			log.Warn("other machines can reach this address, and nobody is asked who they are; see --tls-client-ca and --http-tokens", "url", addr)
		}
	}
}

// certificateFacts are for a log: the fingerprint is what people compare.
func certificateFacts(l *transports.Server) []any {
	leaf := l.Certificate().Leaf
	sum := sha256.Sum256(leaf.Raw)
	return []any{"sha256", hex.EncodeToString(sum[:]), "until", leaf.NotAfter, "self-signed", selfSigned(leaf)}
}

func selfSigned(c *x509.Certificate) bool { return bytes.Equal(c.RawIssuer, c.RawSubject) }
