package web

import (
	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/transports/http1"
	"github.com/gannetmcp/gannet/transports/websocket"
)

// upgradable reports whether a request can lead to nothing but a WebSocket.
func (w *Conn) upgradable(r *http1.Request) bool {
	o := &w.l.opts.WebSocket
	return w.only || !o.Off && string(r.Path()) == o.Path
}

// upgrade answers the handshake of a WebSocket, which h serves from here on, or
// answers what is wrong with it and reports false.
func (w *Conn) upgrade(h engine.Handler) bool {
	l := w.l
	r, ok := w.x.Request.(*http1.Request)
	if !ok || !w.serving() {
		return false
	}
	if w.only && w.path != "" && string(r.Path()) != w.path {
		l.counters.refuse(RefusedHandshake)
		w.conn.Respond(404, "text/plain; charset=utf-8", []byte("There is nothing here. A WebSocket is at "+w.path+".\n"))
		return false
	}
	out, agreed, why := l.socketLoop().Accept(l.scratch[:0], r)
	l.scratch = out
	if why != nil {
		l.counters.refuse(RefusedHandshake)
		w.x.Header = append(w.x.Header, why.Header...)
		if why.Status == 426 {
			w.x.Header = append(w.x.Header, "Connection: Upgrade\r\n"...) // RFC 9110, section 7.8
		}
		w.conn.Respond(why.Status, "text/plain; charset=utf-8", append([]byte(why.Reason), '\n'))
		return false
	}
	w.active, w.last = false, false
	w.x.Begun, w.x.Done = true, true
	w.conn.SendRaw(out)
	w.socket = newSocket(l, w.conn, agreed)
	w.conn.Upgrade(w.socket, h)
	return true
}

// socketLoop returns what the loop's WebSockets share.
func (l *Loop) socketLoop() *websocket.Loop {
	if l.websocket == nil {
		e := l.engine.Engine()
		o := websocket.Options{
			MaxMessageBytes: e.Options().MaxMessageBytes,
			MaxFragments:    l.opts.WebSocket.MaxFragments,
			CompressMin:     l.opts.WebSocket.CompressMin,
		}
		if l.meter != nil {
			o.Meter = l.meter
		}
		l.websocket = websocket.NewLoop(e.Buffers(), o)
	}
	return l.websocket
}
