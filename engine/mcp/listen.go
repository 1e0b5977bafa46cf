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
	ss    *session
	id    []byte // of the request, raw
	lists lists
	subs  *registry.Subscriber // to resources, or nil
	next  *listener            // of the session
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
	ss := c.session
	if ss.listening >= c.server.opts.MaxListeners {
		return errTooManyListeners
	}
	return ss.listenSlow(c, v.Object())
}

func (ss *session) listenSlow(c *Call, filter codec.Object) error {
	l := &listener{ss: ss, id: bytes.Clone(c.engine.ID().Raw())}
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
	if v, ok := filter.Get("resourceSubscriptions"); ok && ss.server.offersList(listResources) {
		l.subs = ss.server.updates.NewSubscriber(l)
		next("resourceSubscriptions")
		honoured = append(honoured, '[')
		n := 0
		for it := v.Array().Elements(); ; {
			uri, more := it.Next()
			if !more {
				break
			}
			name, err := uri.Bytes(c.engine.Arena())
			if err != nil {
				l.drop()
				return errURI
			}
			switch err := l.subs.Subscribe(name); {
			case err == nil:
			case errors.Is(err, registry.ErrExists), errors.Is(err, registry.ErrNameTooLong):
				continue // said already; is none of ours
			default:
				l.drop()
				return errTooManySubscriptions
			}
			if n > 0 {
				honoured = append(honoured, ',')
			}
			n++
			honoured = append(honoured, uri.Raw()...)
		}
		honoured = append(honoured, ']')
	}
	honoured = append(honoured, '}')
	dst := c.engine.BeginNotification("notifications/subscriptions/acknowledged")
	dst = c.engine.Grow(dst, len(honoured)+len(l.id)+blockRoom)
	dst = append(append(dst, `{"notifications":`...), honoured...)
	dst = append(append(append(dst, subscriptionMeta...), l.id...), "}}"...)
	if err := c.engine.EndNotification(dst); err != nil {
		l.drop()
		return err
	}
	c.engine.Leave()
	l.next, ss.listeners = ss.listeners, l
	ss.listening++
	ss.conn.KeepIdle(true)
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
	p.Buf = append(append(append(p.Buf, subscriptionMeta...), l.id...), "}}}"...)
	return p.Send()
}

// drop ends what the listener is subscribed to.
func (l *listener) drop() {
	if l.subs != nil {
		l.subs.Drop()
	}
}

// eachListener calls f with each open listener. f may remove it.
func (ss *session) eachListener(f func(*listener)) {
	for l := ss.listeners; l != nil; {
		next := l.next
		f(l)
		l = next
	}
}

// listener returns the open listener of a raw id, or nil.
func (ss *session) listener(id []byte) *listener {
	for l := ss.listeners; l != nil; l = l.next {
		if bytes.Equal(l.id, id) {
			return l
		}
	}
	return nil
}

// unlisten forgets a listener. Nothing is sent.
func (ss *session) unlisten(l *listener) {
	l.drop()
	for p := &ss.listeners; *p != nil; p = &(*p).next {
		if *p == l {
			*p = l.next
			break
		}
	}
	ss.listening--
	if ss.listening == 0 && ss.record.Load() == nil {
		ss.conn.KeepIdle(false)
	}
}

// DrainConn tears the listeners down: the notification that the cancellation
// page wants, then the result that the subscriptions page wants.
func (ss *session) DrainConn(conn *engine.Conn) {
	ss.eachListener(func(l *listener) {
		b := codec.AppendNotificationHead(nil, "notifications/cancelled")
		b = append(append(b, `{"requestId":`...), l.id...)
		b = append(b, `,"reason":"the server ends the subscription"`...)
		b = append(append(append(b, subscriptionMeta...), l.id...), "}}}"...)
		conn.Send(b)
		b = append(append(b[:0], `{"jsonrpc":"2.0","id":`...), l.id...)
		b = append(append(b, `,"result":{"resultType":"complete"`...), subscriptionMeta...)
		b = append(append(b, l.id...), "}}}"...)
		conn.Send(b)
		ss.unlisten(l)
	})
}
