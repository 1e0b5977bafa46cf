package websocket

// chargeFrom is the buffer size above which the budget is asked.
const chargeFrom = 64 << 10

// gather appends b to the message. It reports false if the budget has no room.
func (p *Parser) gather(b []byte) bool {
	if need := len(p.buf) + len(b); need > cap(p.buf) && !p.grow(need) {
		return false
	}
	p.buf = append(p.buf, b...)
	return true
}

// grow makes room for a message of n bytes, at least doubling, so that one in small
// pieces costs time linear in its length; but for no more than may come.
func (p *Parser) grow(n int) bool {
	most := p.loop.opts.MaxMessageBytes
	if p.fin {
		most = n + int(p.left)
	}
	// What was announced is worth no more than a small buffer until it comes.
	size := max(n, min(n+int(p.left), chargeFrom), min(2*cap(p.buf), most))
	if size > chargeFrom && !p.charge(size) {
		return false
	}
	if p.buf == nil {
		p.buf = p.loop.pool.Get(size)
	} else {
		p.buf = p.loop.pool.Grow(p.buf, size-len(p.buf))
	}
	return true
}

// charge sees to it that n bytes are reserved in all.
func (p *Parser) charge(n int) bool {
	if p.budget == nil || n <= p.charged {
		return true
	}
	if !p.budget.Reserve(n - p.charged) {
		return false
	}
	p.charged = n
	return true
}

// dropMessage gives back the buffer of the message and what it was charged.
func (p *Parser) dropMessage() {
	if p.buf != nil {
		p.loop.pool.Put(p.buf)
		p.buf = nil
	}
	if p.charged > 0 {
		p.budget.Release(p.charged)
		p.charged = 0
	}
}

// dropControl gives back the buffer of a control frame.
func (p *Parser) dropControl() {
	if p.ctl != nil {
		p.loop.pool.Put(p.ctl)
		p.ctl = nil
	}
}
