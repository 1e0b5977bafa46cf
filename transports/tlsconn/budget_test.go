package tlsconn

import (
	"bytes"
	"crypto/tls"
	"io"
	"testing"
	"time"
)

type meter struct{ used, max, most int }

func (m *meter) Reserve(n int) bool {
	if m.used+n > m.max {
		return false
	}
	m.used += n
	m.most = max(m.most, m.used)
	return true
}

func (m *meter) Release(n int) { m.used -= n }

// What a peer sends while its handshake is not over is kept within bounds, of its
// own and of all peers together.
func TestHandshakeBytes(t *testing.T) {
	for _, tc := range []struct {
		name        string
		max, budget int
		first, send int // bytes in one piece with the hello, and behind it
		fails       bool
	}{
		{"within", 300_000, 1 << 20, 0, 280_000, false},
		{"beyond", 300_000, 1 << 20, 0, 320_000, true},
		{"no budget", 300_000, 100_000, 0, 200_000, true},
		{"small needs no budget", 300_000, 0, 0, 60_000, false},
		{"with the hello, within", 300_000, 1 << 20, 200_000, 80_000, false},
		{"with the hello, beyond", 300_000, 1 << 20, 300_000, 0, true},
		{"with the hello, no budget", 300_000, 100_000, 70_000, 0, true},
		{"with the hello, small", 300_000, 0, 60_000, 0, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newRig(t, GateOptions{})
			m := &meter{max: tc.budget}
			r.opts.MaxHandshakeBytes, r.opts.Budget = tc.max, m
			block, blocked := make(chan struct{}), make(chan struct{})
			r.opts.Config.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
				close(blocked)
				<-block
				return nil, nil
			}
			defer close(block)
			l := NewLoop(r.pool)
			s := l.NewSession(&r.opts, nil, nil, func() {})
			_, _, ev := s.Next(append(helloOf(t, r.client()), make([]byte, tc.first)...))
			if ev == More {
				<-blocked
			}
			for sent := 0; sent < tc.send && ev == More; sent += 10_000 {
				_, _, ev = s.Next(make([]byte, 10_000))
			}
			if (ev == Failed) != tc.fails || tc.fails && (s.Err() != ErrInput || r.opts.Gate.Stats.Snapshot().Failed[FailedInput] != 1) {
				t.Errorf("event %v, error %v", ev, s.Err())
			}
			s.Close()
			l.Close()
			if m.used != 0 || m.most > tc.budget {
				t.Errorf("%d bytes are charged, %d were", m.used, m.most)
			}
		})
	}
}

// A client that has done its part sends on while ours has no CPU: it is kept, and
// served when the handshake is over.
func TestMuchBehindTheHandshake(t *testing.T) {
	r := newRig(t, GateOptions{CPUs: 1})
	block, blocked := make(chan struct{}), make(chan struct{})
	r.opts.Config.GetConfigForClient = func(h *tls.ClientHelloInfo) (*tls.Config, error) {
		if h.ServerName == "" { // the one that takes all CPUs
			close(blocked)
			<-block
		}
		return nil, nil
	}
	o := r.owner().start()
	config := r.client()
	w := &withholding{end: o.end}
	config.VerifyConnection = func(tls.ConnectionState) error { w.hold = true; return nil }
	c := tls.Client(w, config)
	_ = c.SetDeadline(time.Now().Add(patience))
	if err := c.Handshake(); err != nil {
		t.Fatal(err)
	}
	other := r.owner().start()
	nameless := r.client()
	nameless.ServerName, nameless.InsecureSkipVerify = "", true
	_, _ = other.end.Write(helloOf(t, nameless))
	<-blocked
	message := bytes.Repeat([]byte("much "), 100_000)
	go func() {
		_, _ = c.Write(message)
		for held := w.held; len(held) > 0; {
			n := min(len(held), 64<<10)
			_, _ = w.end.Write(held[:n])
			held = held[n:]
		}
		time.Sleep(20 * time.Millisecond)
		close(block)
	}()
	got := make([]byte, len(message))
	if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, message) {
		t.Fatal(err)
	}
}

// What is left of much that came during the handshake, a record that is not whole,
// lies in a buffer of its own size.
func TestRestOfMuch(t *testing.T) {
	r := newRig(t, GateOptions{})
	notify := make(chan struct{}, 8)
	l := NewLoop(r.pool)
	s := l.NewSession(&r.opts, nil, nil, func() { notify <- struct{}{} })
	w := &withholding{end: end{newDuct(), newDuct()}}
	config := r.client()
	config.VerifyConnection = func(tls.ConnectionState) error { w.hold = true; return nil }
	config.DynamicRecordSizingDisabled = true
	message := bytes.Repeat([]byte("much "), 100_000)
	done := make(chan error, 1)
	go func() {
		_, err := tls.Client(w, config).Write(message)
		done <- err
	}()
	<-w.out.told
	b, _ := w.out.take()
	s.Next(b)
	<-notify
	s.Next(nil)
	_, _ = w.in.Write(s.Output())
	s.Sent(len(s.Output()))
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	var got []byte
	next := func(b []byte) (ev Event) {
		for ev = Data; ev == Data; {
			var plain []byte
			var n int
			plain, n, ev = s.Next(b)
			b, got = b[n:], append(got, plain...)
		}
		return ev
	}
	const late = 100
	ev := next(w.held[:len(w.held)-late])
	for ev == More {
		<-notify
		ev = next(nil)
	}
	if ev = next(nil); ev != More || len(got) != len(message)/maxPlaintext*maxPlaintext || !s.Pending() {
		t.Fatalf("event %v, %d bytes, %v", ev, len(got), s.Err())
	}
	if cap(s.kept) > 32<<10 {
		t.Errorf("a buffer of %d bytes has %d", cap(s.kept), len(s.kept))
	}
	if ev = next(w.held[len(w.held)-late:]); ev != More || !bytes.Equal(got, message) {
		t.Errorf("event %v, %d bytes", ev, len(got))
	}
	s.Close()
	l.Close()
}
