package webclient

import (
	"fmt"
	"net/http"
	"strings"
	"unicode"

	"github.com/gannetmcp/gannet/engine/mcp"
)

// StatusError is the error of a request that the server refused by an HTTP
// status, without an answer in terms of MCP. errors.As finds it in the errors
// of Dial and of requests.
type StatusError struct {
	Method, URL string // of the HTTP request
	Status      int
	// Challenge is the field WWW-Authenticate, RetryAfter the field Retry-After
	// as it came; empty if there was none.
	Challenge, RetryAfter string
	// Body is the beginning of a body of text.
	Body string
	// RPC is the JSON-RPC error in the body, if there was one that named no
	// request; else nil. errors.As finds it too.
	RPC *mcp.Error
}

// Error says what to do about it where that can be told.
func (e *StatusError) Error() string {
	text := fmt.Sprintf("webclient: %s %s: %d %s", e.Method, e.URL, e.Status, http.StatusText(e.Status))
	switch {
	case e.RPC != nil:
		text += ": " + e.RPC.Error()
	case e.Body != "":
		text += ": " + e.Body
	}
	switch e.Status {
	case 401:
		text += "; set an Authorization field by Options.Header"
		if e.Challenge != "" {
			text += " as " + e.Challenge + " says"
		}
	case 403:
		text += "; the server does not let this client do that"
	case 404, 405:
		text += "; is the URL that of an MCP endpoint?"
	case 429, 503:
		text += "; try again later"
		if e.RetryAfter != "" {
			text += " (Retry-After: " + e.RetryAfter + ")"
		}
	}
	return text
}

// Unwrap returns RPC.
func (e *StatusError) Unwrap() error {
	if e.RPC == nil {
		return nil
	}
	return e.RPC
}

// Is reports that a server which refuses a request as such does not serve it
// (mcp.ErrNotServed): not that it wants credentials, or is busy.
func (e *StatusError) Is(target error) bool {
	if target != mcp.ErrNotServed || e.Status < 400 || e.Status > 499 {
		return false
	}
	switch e.Status {
	case 401, 403, 407, 408, 429:
		return false
	}
	return true
}

const bodyShown = 200

// shown is the beginning of a text for people, on one line.
func shown(b []byte) string {
	s := strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return ' '
		}
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, string(b[:min(len(b), 4*bodyShown)]))
	if s = strings.TrimSpace(s); len(s) > bodyShown {
		s = strings.ToValidUTF8(s[:bodyShown], "") + "…"
	}
	return s
}
