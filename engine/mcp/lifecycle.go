package mcp

import (
	"github.com/gannetmcp/gannet/codec"
)

// initialize binds the connection to a legacy revision (2025-11-25,
// "Lifecycle"). Once per connection; the records of the modern era stay out of
// it.
func initialize(c *Call) error {
	ss := c.session
	switch {
	case c.engine.OffLoop(): // the connection belongs to its loop
		c.server.opts.Logger.Error("middleware moved initialize off the loop, where it cannot be served")
		return &Error{Code: codec.CodeInternal, Message: codec.CodeInternal.String()}
	case c.engine.InBatch():
		return errInitInBatch
	case ss.record.Load() != nil:
		return errInitialized
	}
	p := c.engine.Params()
	asked, ok := p.Get("protocolVersion")
	if !ok || asked.Kind() != codec.String {
		return errInitVersion
	}
	r := &record{rev: negotiate(asked)}
	// The revisions want both of these. A client that leaves them out has said
	// that it can do nothing and has no name, which does no harm.
	if v, ok := p.Get("capabilities"); ok {
		if f := r.rev.capabilities.check(v); f != nil {
			return invalidParams(f.under("capabilities").text())
		}
		r.caps = readCapabilities(v.Object(), r.rev)
	}
	if v, ok := p.Get("clientInfo"); ok {
		if f := r.rev.implementation.check(v); f != nil {
			return invalidParams(f.under("clientInfo").text())
		}
		r.clientName, r.clientVersion = implementation(v.Object())
	}
	c.rev = r.rev
	ss.record.Store(r)
	conn := c.engine.Conn()
	conn.AllowBatch(r.rev.batches)
	conn.OmitErrorID(r.rev.omitErrorID)
	if hs := ss.http; hs == nil {
		conn.KeepIdle(true)
	} else if err := c.connSession().carrier.nameSession(hs); err != nil {
		return err
	}
	c.engine.Result(c.server.initializeResult(r.rev))
	return nil
}

// implementationText bounds what is kept of a client's name and version.
const implementationText = 256

// implementation returns name and version of an Implementation object.
func implementation(o codec.Object) (name, version string) {
	text := func(key string) string {
		v, ok := o.Get(key)
		if !ok || len(v.Raw()) > implementationText {
			return ""
		}
		s, err := v.StringCopy()
		if err != nil {
			return ""
		}
		return s
	}
	return text("name"), text("version")
}

// discover answers server/discover (2026-07-28, "Discovery").
func discover(c *Call) error {
	c.engine.Result(c.server.discoverResult())
	return nil
}
