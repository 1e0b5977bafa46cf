package engine

import (
	"errors"
	"fmt"
)

// Cancel ends the call in flight that has the raw id, as its peer asked for by
// notifications/cancelled with reason; an unknown id is ignored, as the
// protocol wants it. It reports whether there was such a call.
func (c *Conn) Cancel(id []byte, reason string) bool {
	if c.inFlight == 0 {
		return false
	}
	call := c.loop.table.find(c, id)
	if call == nil || call.ended.Load() {
		return false
	}
	c.loop.n.callsCanceled.add(1)
	call.cancel(cancelCause(reason))
	return true
}

func cancelCause(reason string) error {
	if reason == "" {
		return ErrPeerCancelled
	}
	return fmt.Errorf("%w: %s", ErrPeerCancelled, reason)
}

// CancelReason returns the peer's reason from a cause of cancellation.
func CancelReason(cause error) (reason string, ok bool) {
	if !errors.Is(cause, ErrPeerCancelled) {
		return "", false
	}
	if text := cause.Error(); len(text) > len(ErrPeerCancelled.Error())+2 {
		return text[len(ErrPeerCancelled.Error())+2:], true
	}
	return "", true
}

// cancel ends the call: nothing more is sent for it, its context is cancelled
// with cause. A call that only waits for its moment is gone at once; one that
// is queued or runs keeps its slot until it has come home.
func (c *Call) cancel(cause error) {
	if c.ended.Swap(true) {
		return
	}
	c.mu.Lock()
	c.cause = cause
	if c.cancelCtx != nil {
		c.cancelCtx(cause)
	}
	c.mu.Unlock()
	// A spawned call never waits for its moment, and may be cancelled while its
	// loop has it in hand.
	if c.spawned == nil && c.parked {
		c.comeHome()
	}
}
