package nethttp

import (
	"context"

	"github.com/gannetmcp/gannet/engine"
)

// Principal returns an mcp.HTTPOptions.Authenticate that asks the context of the
// request who has sent it: what a middleware in front of the handler has found
// out and put there. Who it does not know gets 401, and so does who comes by
// another transport. Preflights (OPTIONS) and the metadata of the protected
// resource are answered before anybody is asked: a middleware should let them
// pass.
//
// f must be safe from any goroutine and must not block: it is called on an
// engine's loop.
func Principal(f func(ctx context.Context) (principal string, ok bool)) func(engine.RequestView) (string, bool) {
	return func(v engine.RequestView) (string, bool) {
		r := Request(v)
		if r == nil {
			return "", false
		}
		return f(r.Context())
	}
}
