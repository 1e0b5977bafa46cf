package mcp

import (
	"crypto/sha256"
	"crypto/subtle"

	"github.com/gannetmcp/gannet/engine"
)

// BearerTokens returns an HTTPOptions.Authenticate that takes the given tokens
// in the field Authorization (RFC 6750, section 2.1), each of which stands for
// the principal that it maps to. How long it takes says nothing of how much of a
// token was right.
func BearerTokens(tokens map[string]string) func(r engine.RequestView) (principal string, ok bool) {
	type entry struct {
		sum       [sha256.Size]byte
		principal string
	}
	var all []entry
	for token, principal := range tokens {
		if token == "" {
			panic("mcp: BearerTokens: an empty token")
		}
		all = append(all, entry{sha256.Sum256([]byte(token)), principal})
	}
	return func(r engine.RequestView) (principal string, ok bool) {
		v, n := r.Header("Authorization")
		const scheme = "Bearer "
		if n != 1 || len(v) <= len(scheme) || !equalFold(v[:len(scheme)], scheme) {
			return "", false
		}
		sum := sha256.Sum256(v[len(scheme):])
		for i := range all {
			if subtle.ConstantTimeCompare(sum[:], all[i].sum[:]) == 1 {
				principal, ok = all[i].principal, true
			}
		}
		return principal, ok
	}
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
		h.text(401, "Who are you? Send Authorization.")
		return false
	}
	h.principal = principal
	return true
}

// Principal names who has sent the request, by Options.Principal, or else by
// HTTPOptions.Authenticate; empty where nobody asks.
func (c *Call) Principal() string {
	if f := c.server.opts.Principal; f != nil {
		return f(c)
	}
	return c.sender
}
