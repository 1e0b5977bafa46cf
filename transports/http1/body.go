package http1

// chargeFrom is the buffer size above which the budget is asked.
const chargeFrom = 64 << 10

// nextBody is Next in a body of known length.
func (p *Parser) nextBody(b []byte) (n int, ev Event) {
	if p.left == 0 {
		return 0, p.done()
	}
	if len(b) == 0 {
		return 0, More
	}
	n = int(min(int64(len(b)), p.left))
	p.left -= int64(n)
	switch {
	case !p.add(b[:n]):
		return n, p.fail(ErrNoRoom)
	case p.mode == Pieces:
		return n, Piece
	case p.left == 0:
		return n, p.done()
	}
	return n, More
}

// add takes in a piece of the body. The first piece stays where it is: nothing
// is copied if it is the whole. It reports false if the budget has no room.
func (p *Parser) add(b []byte) bool {
	p.expect = false
	p.got += len(b)
	if p.mode == Drop {
		return true
	}
	if p.mode == Pieces || p.body == nil {
		p.body = b[:len(b):len(b)]
		return true
	}
	if !p.owned && !p.own(len(b)) {
		return false
	}
	if len(p.body)+len(b) > cap(p.body) && !p.grow(len(b)) {
		return false
	}
	p.body = append(p.body, b...)
	return true
}

// own moves the body into a buffer of the pool with room for n bytes more.
func (p *Parser) own(n int) bool {
	view := p.body
	size := len(view) + n
	if p.state == inBody {
		// The length is known, but not worth more than a small buffer until it comes.
		size = max(size, min(size+int(p.left), chargeFrom))
	}
	if size > chargeFrom && !p.charge(size) {
		return false
	}
	p.body, p.owned = append(p.loop.pool.Get(size), view...), true
	return true
}

// grow makes room for n bytes more, at least doubling, so that a body in small
// pieces costs time linear in its length; but no more than may come.
func (p *Parser) grow(n int) bool {
	size := len(p.body) + n
	most := int64(p.loop.limits.Body)
	if p.state == inBody {
		most = int64(size) + p.left
	}
	size = max(size, int(min(int64(2*cap(p.body)), most)))
	if size > chargeFrom && !p.charge(size) {
		return false
	}
	p.body = p.loop.pool.Grow(p.body, size-len(p.body))
	return true
}

// charge reserves room for a buffer of n bytes in all.
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

// dropBody forgets the body and gives its buffer back.
func (p *Parser) dropBody() {
	if p.owned {
		p.loop.pool.Put(p.body)
		p.owned = false
	}
	p.body = nil
	if p.charged > 0 {
		p.budget.Release(p.charged)
		p.charged = 0
	}
}
