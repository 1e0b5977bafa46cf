package mcp

import (
	"encoding/json"

	"github.com/gannetmcp/gannet/engine"
)

// Client asks MCP servers. It is an engine.Service, as a Server is: each
// connection that an engine opens for it becomes a ClientSession, which
// transports.Dial and transports.Command return negotiated. One Client may
// have any number of sessions. Its methods are safe from any goroutine.
type Client struct {
	opts         ClientOptions
	info         json.RawMessage                // clientInfo
	capabilities [revisionCount]json.RawMessage // by revision
}

var _ engine.Service = (*Client)(nil)

// NewClient returns a client. It panics if o.Name is empty, o.Revision is none
// that is known, or a number is negative where that has no meaning.
func NewClient(o ClientOptions) *Client {
	c := &Client{opts: o.withDefaults()}
	c.info = mustMarshal(implementationJSON{
		Name: c.opts.Name, Version: c.opts.Version, Title: c.opts.Title,
	})
	for i := range revisions {
		c.capabilities[i] = mustMarshal(c.opts.capabilitiesOf(&revisions[i]))
	}
	return c
}

type implementationJSON struct {
	Name        string `json:"name"`
	Version     string `json:"version"`
	Title       string `json:"title,omitempty"`
	Description string `json:"description,omitempty"`
	WebsiteURL  string `json:"websiteUrl,omitempty"`
}

// none is an empty JSON object.
type none struct{}

// capabilitiesOf says what the client can do, in the words of a revision
// (2025-11-25 and 2026-07-28, "Capabilities"): what it has a handler for.
func (o *ClientOptions) capabilitiesOf(rev *revision) map[string]any {
	c := map[string]any{}
	if o.Sampling != nil {
		s := map[string]any{}
		if rev.samplingTools() && o.SamplingTools {
			s["tools"] = none{}
		}
		c["sampling"] = s
	}
	if o.Elicitation != nil && rev.elicitation {
		e := map[string]any{}
		if rev.elicitURL {
			e["form"] = none{}
			if o.ElicitURL {
				e["url"] = none{}
			}
		}
		c["elicitation"] = e
	}
	if o.Roots != nil {
		r := map[string]any{}
		if !rev.modern {
			r["listChanged"] = true
		}
		c["roots"] = r
	}
	if rev.modern && o.Tasks {
		c["extensions"] = map[string]any{tasksExtension: none{}}
	}
	return c
}

// samplingTools reports whether sampling knows tools, and blocks in arrays.
func (r *revision) samplingTools() bool { return r.index >= latestLegacy.index }

// revisionOf returns the revision of that name, nil if it is unknown.
func revisionOf(name string) *revision {
	for i := range revisions {
		if revisions[i].name == name {
			return &revisions[i]
		}
	}
	return nil
}

// mustMarshal marshals what cannot fail.
func mustMarshal(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic("mcp: " + err.Error())
	}
	return b
}

// ClientTransport is what a Wire that carries client connections may tell of
// itself. Without it a session ends with its connection, and Close only hangs
// up.
type ClientTransport interface {
	// Session returns the session that the connection goes on with, nil for
	// the first connection of one. Called on the loop.
	Session() *ClientSession
	// Shutdown ends everything that the transport has begun for the session:
	// connections, attempts to redial, a child process. It calls
	// ClientSession.End, returns at once, and is idempotent. Safe from any
	// goroutine.
	Shutdown()
	// Done is closed when nothing of it is left.
	Done() <-chan struct{}
}

// OpenConn begins a session, or goes on with one whose connection was lost.
func (c *Client) OpenConn(conn *engine.Conn) engine.Handler {
	t, _ := conn.Wire().(ClientTransport)
	var s *ClientSession
	if t != nil {
		s = t.Session()
	}
	if s == nil {
		s = newClientSession(c, t)
	}
	l := s.attach(conn)
	if l == nil {
		return nil
	}
	conn.KeepIdle(true) // a client says itself when it has had enough
	conn.SetState(l)
	return l
}

// SessionOf returns the session of a connection that a Client has opened, nil
// for others. It must be called inside a turn of the connection's loop.
func SessionOf(conn *engine.Conn) *ClientSession {
	if l, ok := conn.State().(*link); ok {
		return l.session
	}
	return nil
}
