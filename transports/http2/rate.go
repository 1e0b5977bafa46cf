package http2

import "time"

// counted is what a Conn counts by the second.
type counted uint8

const (
	resets counted = iota
	settings
	pings
	emptyData
	idleFrames
	counteds
)

// rates counts what costs a peer less than us, in each second anew.
type rates struct {
	second int64
	n      [counteds]uint32
}

// note counts one of a kind; when that is too many in this second, the
// connection ends with err.
func (c *Conn) note(k counted, err *Error) Event {
	r := &c.rates
	if s := c.now / int64(time.Second); s != r.second {
		*r = rates{second: s}
	}
	l := &c.loop.limits
	r.n[k]++
	if int(r.n[k]) > [counteds]int{l.Resets, l.Settings, l.Pings, l.EmptyData, l.IdleFrames}[k] {
		return c.fail(err)
	}
	return onward
}
