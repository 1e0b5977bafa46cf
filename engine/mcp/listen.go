package mcp

import (
	"bytes"
	"errors"

	"github.com/gannetmcp/gannet/codec"
	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/engine/registry"
)

// listener is a request subscriptions/listen that is open (2026-07-28,
// "Subscriptions"). It belongs to its connection's loop, but for Deliver.
type listener struct {
	openRequest
	lists lists
	subs  *registry.Subscriber // to resources, or nil
	tasks *registry.Subscriber // to tasks, or nil
}

// listen answers subscriptions/listen: it tells what it will send, and leaves
// the request open.
func listen(c *Call) error {
	v, ok := c.engine.Params().Get("notifications")
	if !ok {
		return errListenFilter
	}
	if f := listenShape.check(v); f != nil {
		return invalidParams(f.under("notifications").text())
	}
	if c.engine.OffLoop() {
		c.server.opts.Logger.Error("middleware moved subscriptions/listen off the loop, where it cannot be served")
		return &Error{Code: codec.CodeInternal, Message: codec.CodeInternal.String()}
	}
	ss := c.connSession()
	if ss.opened >= c.server.opts.MaxOpenRequests {
		c.server.counters.openRequestsRefused.Add(1)
		return errTooManyOpen
	}
	return ss.listenSlow(c, v.Object())
}

func (ss *session) listenSlow(c *Call, filter codec.Object) error {
	l := &listener{openRequest: openRequest{ss: ss, id: bytes.Clone(c.engine.ID().Raw())}}
	l.listener = l
	honoured := []byte("{")
	next := func(key string) {
		if len(honoured) > 1 {
			honoured = append(honoured, ',')
		}
		honoured = append(append(append(honoured, '"'), key...), `":`...)
	}
	for i := range kindsOfLists {
		k := &kindsOfLists[i]
		if v, _ := filter.Get(k.filter); isTrue(v) && ss.server.offersList(k.list) {
			l.lists |= k.list
			next(k.filter)
			honoured = append(honoured, "true"...)
		}
	}
	// topics subscribes to the names of a member that mine says are the
	// client's to hear of.
	topics := func(member string, sub *registry.Subscriber, mine func(name []byte) bool) error {
		v, _ := filter.Get(member)
		next(member)
		honoured = append(honoured, '[')
		n := 0
		for it := v.Array().Elements(); ; {
			element, more := it.Next()
			if !more {
				break
			}
			name, err := element.Bytes(c.engine.Arena())
			if err != nil {
				return errURI
			}
			if !mine(name) {
				continue
			}
			switch err := sub.Subscribe(name); {
			case err == nil:
			case errors.Is(err, registry.ErrExists), errors.Is(err, registry.ErrNameTooLong):
				continue // said already; is none of ours
			default:
				c.server.counters.subscriptionsRefused.Add(1)
				return errTooManySubscriptions
			}
			if n > 0 {
				honoured = append(honoured, ',')
			}
			n++
			honoured = append(honoured, element.Raw()...)
		}
		honoured = append(honoured, ']')
		return nil
	}
	var err error
	if _, ok := filter.Get("resourceSubscriptions"); ok && ss.server.offersList(listResources) {
		l.subs = ss.server.updates.NewSubscriber(l)
		err = topics("resourceSubscriptions", l.subs, func([]byte) bool { return true })
	}
	if _, ok := filter.Get("taskIds"); ok && err == nil && c.takesTasks() && ss.server.tasked.Load() {
		l.tasks = ss.server.taskUpdates.NewSubscriber(l)
		err = topics("taskIds", l.tasks, func(id []byte) bool { return ss.server.tasks.lookup(id, c.taskOwner()) != nil })
	}
	if err != nil {
		l.leave()
		return err
	}
	honoured = append(honoured, '}')
	dst := c.engine.BeginNotification("notifications/subscriptions/acknowledged")
	dst = c.engine.Grow(dst, len(honoured)+len(l.id)+blockRoom)
	dst = append(append(dst, `{"notifications":`...), honoured...)
	dst = append(append(append(dst, subscriptionMeta...), l.id...), "}}"...)
	if err := c.engine.EndNotification(dst); err != nil {
		l.leave()
		return err
	}
	c.engine.Leave()
	if ss.conn.Closed() { // by that notification: nobody would end what is open
		l.leave()
		return nil
	}
	ss.open(&l.openRequest, l.leave)
	return nil
}

func isTrue(v codec.Value) bool {
	b, err := v.Bool()
	return err == nil && b
}

// subscriptionMeta names the request that a notification belongs to.
const subscriptionMeta = `,"_meta":{"` + metaPrefix + `subscriptionId":`

// appendHead appends a whole notification without other params.
func (l *listener) appendHead(b []byte, method string) []byte {
	b = codec.AppendNotificationHead(b, method)
	b = append(append(append(b, '{'), subscriptionMeta[1:]...), l.id...)
	return append(b, "}}}"...)
}

// Deliver sends what was published to the listener: message with the
// subscription in its _meta. Safe from any goroutine.
func (l *listener) Deliver(message []byte) error {
	p := l.ss.conn.NewPush()
	p.Grow(len(message) + len(subscriptionMeta) + len(l.id) + 3)
	p.Buf = append(p.Buf, message[:len(message)-len("}}")]...)
	p.Buf = append(append(append(p.Buf, subscriptionMeta...), l.id...), "}}}"...) // params are never empty
	return p.Send()
}

// leave ends what the listener is subscribed to.
func (l *listener) leave() {
	if l.subs != nil {
		l.subs.Drop()
	}
	if l.tasks != nil {
		l.tasks.Drop()
	}
}

// end tells the client that the server ends the subscription.
func (l *listener) end(conn *engine.Conn) {
	b := codec.AppendNotificationHead(nil, notificationCancelled)
	b = append(append(b, `{"requestId":`...), l.id...)
	b = append(b, `,"reason":"the server ends the subscription"`...)
	b = append(append(append(b, subscriptionMeta...), l.id...), "}}}"...)
	conn.Send(b)
	b = append(append(b[:0], `{"jsonrpc":"2.0","id":`...), l.id...)
	b = append(append(b, `,"result":{"resultType":"complete"`...), subscriptionMeta...)
	b = append(append(b, l.id...), "}}}"...)
	conn.SendAnswer(b)
}
