package pooling

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"net"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/gannetmcp/gannet/engine/pool"
)

// mux is a line whose calls overlap. Callers put their requests into one buffer,
// which whoever finds it idle writes; a goroutine reads and hands out the answers.
// At most pool.MaxPerConn callers at once.
type mux struct {
	l    *line
	done chan struct{} // closed when the reader has ended

	mu      sync.Mutex // protects all below
	out     []byte     // to be written
	writing []byte     // being written; the two take turns
	busy    bool       // somebody writes
	places  [pool.MaxPerConn]place
	free    uint64 // places that are
	turn    uint64 // of ids
	err     error  // why it ended
}

// place is where a caller waits.
type place struct {
	id     uint64 // of the request that an answer is waited for; 0: none
	answer chan error
	timer  *time.Timer
}

var errMuxClosed = errors.New("pooling: the connection was closed")

// newMux takes over an open line.
func newMux(l *line) *mux {
	m := &mux{l: l, done: make(chan struct{}), free: ^uint64(0)}
	_ = l.conn.SetDeadline(time.Time{}) // a connection that is closed fails at the first call
	for i := range m.places {
		m.places[i].answer = make(chan error, 1)
	}
	go m.read()
	return m
}

// call makes one call and waits for its answer, until deadline at the latest; if
// that passes, the connection ends, as the place of the call cannot be used again.
//
// Hot path: no allocation.
func (m *mux) call(deadline time.Time) error {
	m.mu.Lock()
	if m.err != nil || m.free == 0 {
		err := m.err
		m.mu.Unlock()
		if err == nil {
			err = fmt.Errorf("pooling: more than %d callers", pool.MaxPerConn)
		}
		return err
	}
	i := bits.TrailingZeros64(m.free)
	m.free &^= 1 << i
	p := &m.places[i]
	m.turn++
	p.id = firstID + m.turn*pool.MaxPerConn + uint64(i)
	at := len(m.out) + m.l.idAt
	m.out = append(m.out, m.l.request...)
	putID(m.out[at:at+idDigits], p.id)
	var err error
	if m.busy {
		m.mu.Unlock()
	} else {
		m.busy = true
		m.mu.Unlock()
		err = m.flush()
	}
	if err == nil {
		err = m.wait(p, deadline)
	}
	m.mu.Lock()
	p.id = 0
	m.free |= 1 << i
	m.mu.Unlock()
	return err
}

// flush writes what callers have put in until there is no more. The others get to
// run first, so that they put in what they have.
func (m *mux) flush() error {
	runtime.Gosched()
	m.mu.Lock()
	for len(m.out) > 0 && m.err == nil {
		m.out, m.writing = m.writing[:0], m.out
		m.mu.Unlock()
		_, err := m.l.conn.Write(m.writing)
		m.mu.Lock()
		if errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) {
			err = fmt.Errorf("pooling: the server has ended the connection: %w", err)
		}
		if err != nil && m.err == nil {
			m.err = err
		}
	}
	err := m.err
	m.busy = false
	m.mu.Unlock()
	if err != nil {
		_ = m.l.conn.Close() // the reader tells the others
	}
	return err
}

func (m *mux) wait(p *place, deadline time.Time) error {
	if p.timer == nil {
		p.timer = time.NewTimer(time.Until(deadline))
	} else {
		p.timer.Reset(time.Until(deadline))
	}
	defer p.timer.Stop()
	select {
	case err := <-p.answer:
		return err
	case <-p.timer.C:
		_ = m.l.conn.Close()
		<-m.done // and everybody has been told
		<-p.answer
		return fmt.Errorf("pooling: no answer in time")
	}
}

// read is the life of the goroutine that reads.
func (m *mux) read() {
	var err error
	for err == nil {
		var b []byte
		if b, err = m.l.in.ReadSlice('\n'); err == nil {
			err = m.hand(b[:len(b)-1])
		}
	}
	if errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) { // reset where it had not read all
		err = fmt.Errorf("pooling: the server has ended the connection: %w", err)
	}
	m.mu.Lock()
	if m.err == nil {
		m.err = err
	}
	_ = m.l.conn.Close() // after err is set: a write that fails by this is not the reason
	for i := range m.places {
		if p := &m.places[i]; p.id != 0 {
			select {
			case p.answer <- m.err:
			default: // it has its answer
			}
		}
	}
	m.mu.Unlock()
	close(m.done)
}

// hand gives an answer to who waits for it.
func (m *mux) hand(b []byte) error {
	id, ok := m.l.idOf(b)
	if !ok || id < firstID {
		if bytes.Contains(b, []byte(`"method":`)) && !bytes.Contains(b, []byte(`"id":`)) {
			return nil // a notification
		}
		return fmt.Errorf("%w: %.200s", errWrongAnswer, b)
	}
	p := &m.places[(id-firstID)%pool.MaxPerConn]
	m.mu.Lock()
	mine := p.id == id
	if mine {
		p.id = 0
	}
	m.mu.Unlock()
	if !mine {
		return fmt.Errorf("%w: nobody asked, or it came before: %.200s", errWrongAnswer, b)
	}
	p.answer <- nil
	return nil
}

// close ends the connection.
func (m *mux) close() error {
	m.mu.Lock()
	if m.err == nil {
		m.err = errMuxClosed
	}
	m.mu.Unlock()
	err := m.l.close()
	<-m.done
	if errors.Is(err, net.ErrClosed) { // it had ended
		err = nil
	}
	return err
}
