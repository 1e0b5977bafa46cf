package mcp

import (
	"bytes"

	"github.com/gannetmcp/gannet/codec"
	"github.com/gannetmcp/gannet/engine"
)

// openRequest is a request that its connection has left open (engine.Call.Leave)
// until something happens: subscriptions/listen, tasks/result. It belongs to the
// connection's loop.
type openRequest struct {
	ss       *session
	id       []byte    // raw
	listener *listener // what it listens to, nil for tasks/result
	drop     func()    // lets go of what it waits for
	next     *openRequest
}

// connSession returns the session of the call's connection, which is not that of
// the call if it is one of HTTP.
func (c *Call) connSession() *session { return c.engine.Conn().State().(*session) }

// open notes a request that is left open.
func (ss *session) open(r *openRequest, drop func()) {
	r.drop = drop
	r.next, ss.requests = ss.requests, r
	ss.opened++
	ss.conn.KeepIdle(true)
}

// answered forgets an open request. Nothing is sent.
func (ss *session) answered(r *openRequest) {
	for p := &ss.requests; *p != nil; p = &(*p).next {
		if *p == r {
			*p = r.next
			ss.opened--
			r.drop()
			break
		}
	}
	if ss.opened == 0 && ss.record.Load() == nil {
		ss.conn.KeepIdle(false)
	}
}

// openRequest returns the open request of a raw id, or nil.
func (ss *session) openRequest(id []byte) *openRequest {
	for r := ss.requests; r != nil; r = r.next {
		if bytes.Equal(r.id, id) {
			return r
		}
	}
	return nil
}

// DrainConn ends what is open. A listener gets the notification that the
// specification's page on cancellation wants, then the result that the one on
// subscriptions wants.
func (ss *session) DrainConn(conn *engine.Conn) {
	for ss.requests != nil {
		r := ss.requests
		if r.listener == nil {
			b := codec.AppendErrorReply(nil, codec.RawID(r.id), codec.NoIDOmit, codec.ErrShuttingDown)
			conn.SendAnswer(b)
		} else {
			r.listener.end(conn)
		}
		ss.answered(r)
	}
}
