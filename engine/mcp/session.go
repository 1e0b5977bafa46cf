package mcp

import (
	"sync"
	"sync/atomic"

	"github.com/gannetmcp/gannet/codec"
	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/engine/registry"
)

// session is what a connection means: the engine.Handler of its messages, and
// the legacy session that an initialize request binds to it. Modern requests
// leave no trace in it.
type session struct {
	server *Server
	conn   *engine.Conn // nil for one of HTTP
	http   *httpSession // that this is, nil for one of a stream
	// carrier is the connection of HTTP whose own session this is, nil for others.
	carrier *httpConn
	// sender is who the peer is, by HTTPOptions.Authenticate: the same for all of
	// a session, but that of a carrier, which is of its current exchange and
	// belongs to the loop.
	sender string
	// record is nil before initialize. It is written on the loop only, and
	// never changes once it is there.
	record   atomic.Pointer[record]
	logLevel atomic.Int32 // by logging/setLevel

	// Owned by the loop.
	requests *openRequest // newest first
	opened   int          // how many requests are open
	peer     *engine.Peer // once it is asked for
	origin   origin       // of the message being served, on HTTP with SSE

	mu        sync.Mutex           // protects what follows
	subs      *registry.Subscriber // by resources/subscribe, nil before the first
	asked     map[uint64]asking
	lastAsked uint64 // id of the last request to the client
}

// record is what initialize has settled.
type record struct {
	rev                       *revision
	clientName, clientVersion string
	caps                      capabilities
}

// ServeRequest picks the era and the method.
func (ss *session) ServeRequest(ec *engine.Call) {
	c := ss.call(ec)
	c.method = methodNamed(ec.Method())
	if ss.http == nil && ss.requests != nil && ss.openRequest(ec.ID().Raw()) != nil {
		c.rev = modernOne
		c.fail(errOpenID)
		return
	}
	if err := ss.identify(c); err != nil {
		if err == errUnsupported {
			c.failUnsupported()
			return
		}
		c.fail(err)
		return
	}
	ss.server.dispatch(c)
}

// identify finds out the revision of a request and judges params._meta.
func (ss *session) identify(c *Call) *Error {
	c.rev = latestLegacy // for errors before it is known
	if err := c.readMeta(); err != nil {
		return err
	}
	if c.meta.modern {
		rev := revisionNamed(c.meta.version)
		switch {
		case c.meta.version.Kind() == codec.None:
			c.rev = modernOne
			return errVersionMissing
		case c.meta.version.Kind() != codec.String:
			c.rev = modernOne
			return errVersionType
		case rev == nil:
			c.rev = modernOne
			return errUnsupported
		case rev.modern:
			c.rev = rev
			if c.engine.InBatch() {
				return errModernInBatch
			}
			return c.judgeMeta(rev)
		}
		// _meta names a legacy revision: that is for the session to say.
	}
	if r := ss.record.Load(); r != nil {
		c.rev = r.rev
		return nil
	}
	switch c.method {
	case methodInitialize, methodPing:
		return nil
	case methodDiscover:
		return nil // legacy: refused as an unknown method
	}
	return errNotInitialized
}

// errUnsupported stands for the error whose data depends on the request.
var errUnsupported = &Error{Code: codec.CodeUnsupportedVersion, Message: "Unsupported protocol version"}

// versionShown bounds what of a version is echoed, quotes and escapes included.
const versionShown = 64

var versionTooLong = []byte(`"(longer than any)"`)

func (c *Call) failUnsupported() {
	asked := c.meta.version.Raw()
	if len(asked) > versionShown {
		asked = versionTooLong
	}
	data, ok := c.engine.Arena().Alloc(len(supportedData) + len(asked) + 1)
	if !ok {
		c.engine.Error(errUnsupported.Code, errUnsupported.Message, nil)
		return
	}
	data = append(append(append(data[:0], supportedData...), asked...), '}')
	c.engine.Error(errUnsupported.Code, errUnsupported.Message, data)
}

// supportedData begins the data of an unsupported version.
var supportedData = append(appendRevisions([]byte(`{"supported":`)), `,"requested":`...)

// ServeNotification takes notifications; those that mean nothing to us are
// ignored, as the protocol wants it.
func (ss *session) ServeNotification(conn *engine.Conn, m *codec.Message) {
	id, reason, ok := cancelled(m)
	if !ok {
		return
	}
	if r := ss.openRequest(id); r != nil { // nothing more is sent for it
		ss.answered(r)
		return
	}
	conn.Cancel(id, reason)
}

// cancelled reads notifications/cancelled: the raw id of a request, and why.
func cancelled(m *codec.Message) (id []byte, reason string, ok bool) {
	if string(m.Method()) != notificationCancelled {
		return nil, "", false
	}
	p := m.Params()
	v, ok := p.Get("requestId")
	if !ok || v.Kind() != codec.String && v.Kind() != codec.Number {
		return nil, "", false
	}
	if r, ok := p.Get("reason"); ok && r.Kind() == codec.String && len(r.Raw()) <= errorTextMax {
		reason, _ = r.StringCopy()
	}
	return v.Raw(), reason, true
}

// Deliver sends a message of the server's own to the client: by the connection,
// or the stream of a session of HTTP. Safe from any goroutine.
func (ss *session) Deliver(message []byte) error {
	if ss.http != nil {
		return ss.http.Deliver(message)
	}
	return ss.conn.Deliver(message)
}

// CloseConn ends what the session has beyond its connection.
func (ss *session) CloseConn(*engine.Conn, engine.CloseReason) {
	ss.mu.Lock()
	subs := ss.subs
	ss.mu.Unlock()
	if subs == nil && ss.http != nil {
		subs = ss.subscriber() // what is on its way is refused
	}
	if subs != nil {
		subs.Drop()
	}
	if ss.http == nil {
		for r := ss.requests; r != nil; r = r.next {
			r.drop()
		}
		ss.requests = nil
	}
	ss.server.tasks.dropSession(ss)
}
