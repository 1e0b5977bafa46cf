package engine

import "github.com/gannetmcp/gannet/codec"

// batch gathers the answers of a JSON-RPC batch (JSON-RPC 2.0 §6), which go
// out as one array when the last is there. A batch of which nothing is
// answered sends nothing.
type batch struct {
	conn    *Conn
	buf     []byte // '[' answer ',' answer …
	answers int
	waiting int  // calls off the loop
	asked   bool // a call of it has left the loop
	open    bool // still being dispatched
	next    *batch
}

// receiveBatch serves the messages of a batch one by one.
func (c *Conn) receiveBatch(m *codec.Message) {
	if x := c.Exchange(); x != nil {
		x.Batch = true
	}
	l := c.loop
	if !c.batchOK {
		l.n.invalid.add(1)
		c.malformed(codec.ID{}, &errBatchRefused)
		return
	}
	l.n.batches.add(1)
	b := l.takeBatch(c)
	b.open = true
	it := m.Batch()
	for {
		raw, ok := it.Next()
		if !ok || c.closed {
			break
		}
		if err := l.e.parser.Parse(m, raw); err != nil {
			l.n.invalid.add(1)
			e, ok := err.(*codec.Error)
			if !ok {
				e = codec.ErrInternal
			}
			if c.takesMalformed(m.ID(), e) {
				continue
			}
			dst, _ := b.begin()
			b.end(codec.AppendErrorReply(dst, m.ID(), c.noID(), e))
			l.n.errorsOut.add(1)
			continue
		}
		if m.Kind() == codec.KindBatch {
			l.n.invalid.add(1)
			if c.takesMalformed(codec.ID{}, &errNestedBatch) {
				continue
			}
			dst, _ := b.begin()
			b.end(codec.AppendErrorReply(dst, codec.ID{}, c.noID(), &errNestedBatch))
			l.n.errorsOut.add(1)
			continue
		}
		l.dispatch(c, m, b)
	}
	b.open = false
	b.completeIfDone()
}

func (l *Loop) takeBatch(c *Conn) *batch {
	b := l.batch
	if b == nil {
		b = &batch{}
	} else {
		l.batch, b.next = b.next, nil
	}
	b.conn = c
	return b
}

// begin returns the buffer to append one answer to and where it begins. end
// takes it back.
func (b *batch) begin() (dst []byte, at int) {
	if b.buf == nil {
		b.buf = b.conn.loop.bufs.Get(outMin * 8)
	}
	b.buf = b.conn.loop.e.buffers.Grow(b.buf, outMin)
	at = len(b.buf)
	if b.answers == 0 {
		return append(b.buf, '['), at
	}
	return append(b.buf, ','), at
}

func (b *batch) end(dst []byte) {
	b.buf = dst
	b.answers++
}

// completeIfDone sends the array once nothing more can come.
func (b *batch) completeIfDone() {
	if b.open || b.waiting > 0 {
		return
	}
	c := b.conn
	l := c.loop
	if b.answers > 0 && !c.closed {
		dst, at := c.begin(len(b.buf)+1, true)
		dst = append(append(dst, b.buf...), ']')
		c.end(dst, at, 0, false)
	} else if b.asked && !c.closed {
		c.EndStream() // all of it was cancelled; nothing where there is no HTTP
	}
	if b.buf != nil {
		l.bufs.Put(b.buf)
		b.buf = nil
	}
	b.conn, b.answers, b.asked = nil, 0, false
	b.next = l.batch
	l.batch = b
}
