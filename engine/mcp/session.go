package mcp

import (
	"sync/atomic"

	"github.com/gannetmcp/gannet/codec"
	"github.com/gannetmcp/gannet/engine"
)

// session is what a connection means: the engine.Handler of its messages, and
// the legacy session that an initialize request binds to it. Modern requests
// leave no trace in it.
type session struct {
	server *Server
	// record is nil before initialize. It is written on the loop only, and
	// never changes once it is there.
	record atomic.Pointer[record]
}

// record is what initialize has settled.
type record struct {
	rev                       *revision
	clientName, clientVersion string
}

// ServeRequest picks the era and the method.
func (ss *session) ServeRequest(ec *engine.Call) {
	c := ss.server.call(ec)
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
	if err := c.meta.read(c.engine.Params()); err != nil {
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
			return c.meta.judgeModern(rev)
		}
		// _meta names a legacy revision: that is for the session to say.
	}
	if r := ss.record.Load(); r != nil {
		c.rev = r.rev
		return nil
	}
	switch string(c.engine.Method()) {
	case methodInitialize, methodPing:
		return nil
	case methodDiscover:
		return nil // legacy: refused as an unknown method
	}
	return errNotInitialized
}

// recall tells a Call off the loop what identify has found out. Safe from any
// goroutine.
func (ss *session) recall(c *Call) {
	_ = c.meta.read(c.engine.Params()) // judged on the loop
	c.rev = latestLegacy
	if rev := revisionNamed(c.meta.version); rev != nil && rev.modern {
		c.rev = rev
	} else if r := ss.record.Load(); r != nil {
		c.rev = r.rev
	}
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
	if string(m.Method()) != notificationCancelled {
		return
	}
	p := m.Params()
	id, ok := p.Get("requestId")
	if !ok || id.Kind() != codec.String && id.Kind() != codec.Number {
		return
	}
	reason := ""
	if conn.InFlight() > 0 {
		if v, ok := p.Get("reason"); ok && v.Kind() == codec.String && len(v.Raw()) <= errorTextMax {
			reason, _ = v.StringCopy()
		}
	}
	conn.Cancel(id.Raw(), reason)
}

// ServeResponse ignores answers: nothing was asked.
func (ss *session) ServeResponse(*engine.Conn, *codec.Message) {}

// CloseConn has nothing to undo: what a session holds is the connection's.
func (ss *session) CloseConn(*engine.Conn, engine.CloseReason) {}
