package mcp

import (
	"slices"

	"github.com/gannetmcp/gannet/codec"
)

// beginNote begins a notification of the call's own, with room for n bytes of
// params, which are appended and given to endNote.
func (c *Call) beginNote(method string, n int) []byte {
	if c.task != nil {
		return slices.Grow(codec.AppendNotificationHead(nil, method), n)
	}
	return c.engine.Grow(c.engine.BeginNotification(method), n)
}

// endNote sends it, with the task that it belongs to: before the answer, where
// that goes. A task has answered its request already, and on HTTP its connection
// may serve another client by now: what it says goes to its session.
func (c *Call) endNote(dst []byte) error {
	dst = append(c.appendRelated(dst), '}')
	if c.task == nil {
		return c.engine.EndNotification(dst)
	}
	if c.engine.Ended() {
		return nil
	}
	return c.session.Deliver(append(dst, '}'))
}
