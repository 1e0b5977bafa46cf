package tlsconn

import (
	"crypto/tls"
	"fmt"
	"slices"
)

// MinVersion reads the least version that is to be served, as it stands on a
// command line: "1.3", "1.2", or "" for the default, which is 1.3.
func MinVersion(text string) (uint16, error) {
	switch text {
	case "", "1.3":
		return tls.VersionTLS13, nil
	case "1.2":
		return tls.VersionTLS12, nil
	}
	return 0, fmt.Errorf("%q is no version of TLS that is served; write 1.3, or 1.2 for clients that have nothing better", text)
}

// NewConfig returns the configuration of a server that shows what id holds.
// minVersion is that of MinVersion.
//
// TLS 1.3 is what two peers agree on if both can. With TLS 1.2, where that is
// permitted, only suites with an ephemeral key (ECDHE) and an AEAD are there: RFC
// 9113, appendix A, has the others on its list of prohibited ones. Keys are agreed
// on by X25519MLKEM768, X25519 or P-256. Sessions are resumed by tickets for a week.
// Their keys are those of id; if it has none crypto/tls makes them, a new one
// every day. If id has authorities for clients, every client must show a
// certificate of theirs; a resumed session is judged by those of now.
//
// Records are of full size: a message is of use only when it is whole, so small
// ones would be more work for nothing.
func NewConfig(id *Identity, minVersion uint16, protocols ...string) *tls.Config {
	c := &tls.Config{
		MinVersion:                  minVersion,
		CurvePreferences:            []tls.CurveID{tls.X25519MLKEM768, tls.X25519, tls.CurveP256},
		CipherSuites:                aeadSuites(),
		NextProtos:                  protocols,
		GetCertificate:              id.GetCertificate,
		DynamicRecordSizingDisabled: true,
	}
	cur := id.current.Load()
	if cur.cas == nil && cur.tickets == nil {
		return c
	}
	if cur.cas != nil {
		c.ClientAuth = tls.RequireAndVerifyClientCert
		c.ClientCAs = cur.cas
	}
	// Keys of tickets that crypto/tls makes stay those of c: it takes them from
	// there.
	follow := &configs{id: id, base: c.Clone()}
	c.GetConfigForClient = follow.forClient
	return c
}

// aeadSuites returns the suites of TLS 1.2 that are secure by the standards of
// today, which crypto/tls puts in order itself.
func aeadSuites() (ids []uint16) {
	for _, s := range tls.CipherSuites() {
		if slices.Contains(Suites[3:], s.ID) {
			ids = append(ids, s.ID)
		}
	}
	return ids
}
