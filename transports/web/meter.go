package web

import (
	"time"

	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/transports/websocket"
)

// DefaultUnpackRate is the default of Options.UnpackRate.
const DefaultUnpackRate = 128 << 20

// freeRatio is how many times its size what is packed may become at any time.
const freeRatio = websocket.FreeRatio

// meter bounds how fast packed bodies and messages become more than freeRatio times
// what came, on one event loop: 16 KB that become 16 MiB cost their sender nothing, and
// everybody on the loop 10 ms. It is a bucket of bytes that fills at a rate, up to what
// one message may become, so that a single one is always served. Nil: there is no
// bound.
type meter struct {
	loop   *engine.Loop
	rate   int64 // bytes a second
	most   int64
	credit int64 // bytes; it may be overdrawn
	at     int64 // when credit was true, in the nanoseconds of loop
}

var _ websocket.Meter = (*meter)(nil)

// newMeter returns one that is full, nil if there is to be no bound.
func newMeter(l *engine.Loop, rate int) *meter {
	if rate < 0 {
		return nil
	}
	if rate == 0 {
		rate = DefaultUnpackRate
	}
	most := int64(l.Engine().Options().MaxMessageBytes)
	return &meter{loop: l, rate: int64(rate), most: most, credit: most, at: l.Now()}
}

// Spend notes that something has become n bytes more, and reports whether there is
// time for more. Who tries when there is none is not made to pay for longer than for
// one message.
func (m *meter) Spend(n int) bool {
	if m == nil {
		return true
	}
	now := m.loop.Now()
	if n := int64(time.Duration(now-m.at).Seconds() * float64(m.rate)); n > 0 {
		m.credit, m.at = min(m.most, m.credit+n), now
	}
	m.credit = max(m.credit-int64(n), -m.most)
	return m.credit > 0
}
