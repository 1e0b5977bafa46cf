package mcp

import (
	"errors"

	"github.com/gannetmcp/gannet/codec"
	"github.com/gannetmcp/gannet/engine/registry"
)

// subscribe answers resources/subscribe (revisions up to 2025-11-25). To
// subscribe again changes nothing.
func subscribe(c *Call) error {
	if err := c.readURI(); err != nil {
		return err
	}
	if c.server.resource(c) == nil {
		c.failNotFound()
		return nil
	}
	if err := c.session.subscriber().Subscribe(c.name); err != nil && !errors.Is(err, registry.ErrExists) {
		c.server.counters.subscriptionsRefused.Add(1)
		return errTooManySubscriptions
	}
	c.engine.Result(emptyResult)
	return nil
}

// unsubscribe answers resources/unsubscribe. To end what was not there changes
// nothing.
func unsubscribe(c *Call) error {
	if err := c.readURI(); err != nil {
		return err
	}
	_ = c.session.subscriber().Unsubscribe(c.name)
	c.engine.Result(emptyResult)
	return nil
}

// subscriber returns the session's own subscriber, made at its first use.
func (ss *session) subscriber() *registry.Subscriber {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	if ss.subs == nil {
		ss.subs = ss.server.updates.NewSubscriber(ss)
	}
	return ss.subs
}

var errTooManySubscriptions = &Error{Code: codec.CodeOverloaded, Message: "Overloaded: too many subscriptions; end some first"}
