package mcp

import (
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"

	"github.com/gannetmcp/gannet/engine"
)

// BearerTokens returns an HTTPOptions.Authenticate that takes the given tokens
// in the field Authorization (RFC 6750, section 2.1), each of which stands for
// the principal that it maps to. How long it takes says nothing of how much of a
// token was right.
func BearerTokens(tokens map[string]string) func(r engine.RequestView) (principal string, ok bool) {
	all := newSecrets("BearerTokens", tokens)
	return func(r engine.RequestView) (principal string, ok bool) {
		v, n := r.Header("Authorization")
		const scheme = "Bearer "
		if n != 1 || len(v) <= len(scheme) || !equalFold(v[:len(scheme)], scheme) {
			return "", false
		}
		return all.principal(v[len(scheme):])
	}
}

// APIKeys returns an HTTPOptions.Authenticate that takes the given keys in a
// field of this name, such as X-API-Key, which must come once; each key stands
// for the principal that it maps to. As with BearerTokens, how long it takes says
// nothing of how much of a key was right. Set HTTPOptions.Challenge to what tells
// clients of the field, such as `ApiKey header="X-API-Key"`. It panics where the
// name or a key is empty.
func APIKeys(header string, keys map[string]string) func(r engine.RequestView) (principal string, ok bool) {
	if header == "" {
		panic("mcp: APIKeys: the name of the header field is empty")
	}
	all := newSecrets("APIKeys", keys)
	return func(r engine.RequestView) (principal string, ok bool) {
		v, n := r.Header(header)
		if n != 1 || len(v) == 0 {
			return "", false
		}
		return all.principal(v)
	}
}

// secrets are texts that prove who somebody is.
type secrets []secret

type secret struct {
	sum       [sha256.Size]byte
	principal string
}

func newSecrets(maker string, principals map[string]string) (all secrets) {
	for text, principal := range principals {
		if text == "" {
			panic("mcp: " + maker + ": an empty secret")
		}
		all = append(all, secret{sha256.Sum256([]byte(text)), principal})
	}
	return all
}

// principal returns whose secret a text is. It looks at all of them, and at all
// of each.
func (all secrets) principal(text []byte) (principal string, ok bool) {
	sum := sha256.Sum256(text)
	for i := range all {
		if subtle.ConstantTimeCompare(sum[:], all[i].sum[:]) == 1 {
			principal, ok = all[i].principal, true
		}
	}
	return principal, ok
}

// equalFold compares with an ASCII text, whatever the case.
func equalFold(b []byte, s string) bool {
	for i := range len(s) {
		c, d := b[i], s[i]
		if c|0x20 != d|0x20 || c != d && !(c|0x20 >= 'a' && c|0x20 <= 'z') {
			return false
		}
	}
	return len(b) == len(s)
}

// metadataPath is where clients look for who gives tokens (RFC 9728, section
// 3.1), with or without the path of the resource behind it.
const metadataPath = "/.well-known/oauth-protected-resource"

// authenticated finds out who sends the exchange, or answers that it wants to
// know.
func (h *httpConn) authenticated() bool {
	o := &h.server.opts.HTTP
	h.principal = ""
	if o.Authenticate == nil {
		h.principal = h.certificateName()
		return true
	}
	principal, ok := o.Authenticate(h.x.Request)
	if !ok {
		challenge := o.Challenge
		if challenge == "" {
			challenge = "Bearer"
			if o.ResourceMetadata != nil {
				challenge += ` resource_metadata="` + metadataPath + `"`
			}
		}
		h.header("WWW-Authenticate", challenge)
		h.text(401, "Who are you? WWW-Authenticate says what to send.")
		return false
	}
	h.principal = principal
	return true
}

// certificateName is CertificateName of the connection, found out once.
func (h *httpConn) certificateName() string {
	if !h.certified {
		h.certified, h.certificate = true, CertificateName(h.conn.TLS())
	}
	return h.certificate
}

// CertificateName names the client of a connection by the certificate that it has
// shown and that was verified: by its URI (as SPIFFE has it) if it has just one,
// else by its subject, such as "CN=alice,O=Example"; empty if there is none, or c
// is nil.
func CertificateName(c *tls.ConnectionState) string {
	if c == nil || len(c.VerifiedChains) == 0 || len(c.PeerCertificates) == 0 {
		return ""
	}
	leaf := c.PeerCertificates[0]
	if len(leaf.URIs) == 1 {
		return leaf.URIs[0].String()
	}
	return leaf.Subject.String()
}

// Principal names who has sent the request: by Options.Principal if that is set,
// else by HTTPOptions.Authenticate, else by the client's certificate
// (CertificateName); empty where nobody asks.
func (c *Call) Principal() string {
	if f := c.server.opts.Principal; f != nil {
		return f(c)
	}
	if c.sender == "" && c.server.opts.HTTP.Authenticate == nil {
		return CertificateName(c.TLS())
	}
	return c.sender
}
