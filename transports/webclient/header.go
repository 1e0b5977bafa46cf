package webclient

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"

	"github.com/gannetmcp/gannet/codec"
	"github.com/gannetmcp/gannet/engine/mcp"
)

// Header fields of MCP.
const (
	fieldVersion = "Mcp-Protocol-Version"
	fieldSession = "Mcp-Session-Id"
	fieldMethod  = "Mcp-Method"
	fieldName    = "Mcp-Name"
	fieldLastID  = "Last-Event-Id"
)

// Methods that mean something to HTTP.
const (
	methodInitialize        = "initialize"
	methodDiscover          = "server/discover"
	methodToolsList         = "tools/list"
	methodToolsCall         = "tools/call"
	notificationInitialized = "notifications/initialized"
	notificationCancelled   = "notifications/cancelled"
)

const (
	typeJSON   = "application/json"
	typeEvents = "text/event-stream"
)

// toolsKept bounds the tools whose mirrored arguments are remembered. Calls of
// those beyond it are refused by servers that insist on the fields.
const toolsKept = 10000

// general returns the fields that every request of a session up to 2025-11-25
// has once it is initialized.
func (l *link) general() http.Header {
	h := http.Header{}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.version != "" {
		h.Set(fieldVersion, l.version)
	}
	if l.id != "" {
		h.Set(fieldSession, l.id)
	}
	return h
}

// header returns the fields of the POST of a message; x is nil unless that is a
// request.
func (l *link) header(m *codec.Message, x *exchange) http.Header {
	h := http.Header{}
	if x == nil || x.method != methodInitialize {
		h = l.general()
	}
	h.Set("Content-Type", typeJSON)
	h.Set("Accept", typeJSON+", "+typeEvents)
	version := l.modernVersion(m)
	if x != nil {
		x.modern = version != ""
	}
	if version == "" {
		return h
	}
	h.Del(fieldSession)
	h.Set(fieldVersion, version)
	method := string(m.Method())
	h.Set(fieldMethod, method)
	p := m.Params()
	name, ok := mcp.MirroredName(method, p)
	if !ok {
		return h
	}
	h.Set(fieldName, mcp.HeaderValue(name))
	if method == methodToolsCall {
		l.mu.Lock()
		mirrored := l.tools[name]
		l.mu.Unlock()
		args, _ := p.Get("arguments")
		for i := range mirrored {
			if v, ok := mirrored[i].Value(args); ok {
				h.Set(mirrored[i].Field, v)
			}
		}
	}
	return h
}

// modernVersion returns the revision that a message of the modern era is of,
// empty for others. Requests name it; notifications are of that of requests.
func (l *link) modernVersion(m *codec.Message) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch m.Kind() {
	case codec.KindRequest:
		meta, _ := m.Params().Get("_meta")
		v, _ := meta.Object().Get("io.modelcontextprotocol/protocolVersion")
		if v.Kind() != codec.String {
			return ""
		}
		s, err := v.StringCopy()
		if err != nil {
			return ""
		}
		l.modern = s
		return s
	case codec.KindNotification:
		if l.version == "" {
			return l.modern
		}
	}
	return ""
}

// request makes a request that is ready to be sent.
func (l *link) request(ctx context.Context, method string, u *url.URL, h http.Header, body []byte) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if body == nil {
		r.Body, r.GetBody = http.NoBody, nil
	}
	r.Header = h
	r.Header.Set("User-Agent", "gannet")
	if l.o.Header != nil {
		if err := l.o.Header(r); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// learn takes from an answer what later requests need, and returns it as the
// session is to see it.
func (l *link) learn(x *exchange, b []byte, result codec.Object) []byte {
	switch {
	case x.method == methodInitialize:
		if v, _ := result.Get("protocolVersion"); v.Kind() == codec.String {
			s, _ := v.StringCopy()
			l.mu.Lock()
			l.version = s
			l.mu.Unlock()
		}
	case x.method == methodToolsList && x.modern:
		return l.learnTools(x, b, result)
	}
	return b
}

// learnTools remembers which arguments are mirrored, and drops tools that break
// the rules for that (2026-07-28, "Standard headers": clients on HTTP must).
func (l *link) learnTools(x *exchange, b []byte, result codec.Object) []byte {
	list, _ := result.Get("tools")
	if list.Kind() != codec.ArrayKind {
		return b // the session says what is wrong with it
	}
	kept := []json.RawMessage{}
	mirrored := map[string][]mcp.HeaderParam{}
	dropped := false
	for it := list.Array().Elements(); ; {
		tool, more := it.Next()
		if !more {
			break
		}
		schema, _ := tool.Object().Get("inputSchema")
		v, _ := tool.Object().Get("name")
		params, err := []mcp.HeaderParam(nil), error(nil)
		if schema.Kind() == codec.ObjectKind {
			params, err = mcp.HeaderParams(schema.Raw())
		}
		if err != nil {
			l.log.Warn("tool left out: its schema breaks the rules of x-mcp-header", "tool", shown(v.Raw()), "error", err)
			dropped = true
			continue
		}
		kept = append(kept, tool.Raw())
		if name, err := v.StringCopy(); err == nil && len(params) > 0 {
			mirrored[name] = params
		}
	}
	l.mu.Lock()
	if !x.more {
		clear(l.tools)
	}
	if len(l.tools)+len(mirrored) <= toolsKept {
		maps.Copy(l.tools, mirrored)
	}
	l.mu.Unlock()
	if !dropped {
		return b
	}
	var whole, inner map[string]json.RawMessage
	if json.Unmarshal(b, &whole) != nil || json.Unmarshal(result.Raw(), &inner) != nil {
		return b
	}
	inner["tools"], _ = json.Marshal(kept)
	whole["result"], _ = json.Marshal(inner)
	if c, err := json.Marshal(whole); err == nil {
		return c
	}
	return b
}
