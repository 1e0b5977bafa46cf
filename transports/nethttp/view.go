package nethttp

import (
	"net/http"
	"strings"

	"github.com/gannetmcp/gannet/engine"
)

// view is a request of net/http as a service sees it.
type view struct{ r *http.Request }

func (v *view) Method() []byte { return []byte(v.r.Method) }
func (v *view) Path() []byte   { return []byte(v.r.URL.Path) }
func (v *view) Query() []byte  { return []byte(v.r.URL.RawQuery) }
func (v *view) Host() []byte   { return []byte(v.r.Host) }

// Header returns a field. net/http has taken Host out of them.
func (v *view) Header(name string) (value []byte, times int) {
	if all := v.r.Header.Values(name); len(all) > 0 {
		return []byte(all[0]), len(all)
	}
	if v.r.Host != "" && strings.EqualFold(name, "Host") {
		return []byte(v.r.Host), 1
	}
	return nil, 0
}

// prefix returns what was stripped off the path, as by http.StripPrefix.
func prefix(r *http.Request) string {
	whole, _, _ := strings.Cut(r.RequestURI, "?")
	if before, ok := strings.CutSuffix(whole, r.URL.EscapedPath()); ok && strings.HasPrefix(before, "/") {
		return before
	}
	return ""
}

// Request returns the request of net/http that a service sees, nil if the view
// is another transport's. It must be used inside the function only that got the
// view, such as an mcp.HTTPOptions.Authenticate, and must not be changed.
func Request(v engine.RequestView) *http.Request {
	if w, ok := v.(*view); ok {
		return w.r
	}
	return nil
}
