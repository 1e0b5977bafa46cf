//go:build !race && !invariants

package tlsconn

import (
	"bytes"
	"crypto/tls"
	"runtime"
	"testing"
	"time"
)

// direct is a client and a Session without an owner: the test is the loop.
type direct struct {
	t testing.TB
	c *tls.Conn
	e end
	l *Loop
	s *Session
	n int // bytes of plaintext that came
}

// newDirect returns a connection whose handshake is done.
func newDirect(t testing.TB, r *rig, config *tls.Config) *direct {
	return newDirectOn(t, r, NewLoop(r.pool), config)
}

// newDirectOn is newDirect on a Loop that there is.
func newDirectOn(t testing.TB, r *rig, l *Loop, config *tls.Config) *direct {
	notify := make(chan struct{}, 16)
	d := &direct{t: t, e: end{newDuct(), newDuct()}, l: l}
	d.s = d.l.NewSession(&r.opts, nil, nil, func() { notify <- struct{}{} })
	d.c = tls.Client(d.e, config)
	done := make(chan error, 1)
	go func() { done <- d.c.Handshake() }()
	late := time.After(patience)
	for !d.s.Open() {
		select {
		case <-notify:
		case <-d.e.out.told:
		case <-late:
			t.Fatal("no handshake")
		}
		b, _ := d.e.out.take()
		d.feed(b, nil)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	d.feed(nil, nil)
	return d
}

// feed feeds p and answers each piece of plaintext with reply.
func (d *direct) feed(p, reply []byte) {
	for {
		plain, n, ev := d.s.Next(p)
		p = p[n:]
		d.n += len(plain)
		switch ev {
		case Data:
			if reply != nil {
				if err := d.s.Seal(reply); err != nil {
					d.t.Fatal(err)
				}
			}
		case Failed:
			d.t.Fatal(d.s.Err())
		case More:
			if out := d.s.Output(); len(out) > 0 {
				if reply == nil {
					_, _ = d.e.in.Write(out)
				}
				d.s.Sent(len(out))
			}
			return
		}
	}
}

func (d *direct) close() {
	d.s.Close()
	d.l.Close()
}

// record has the client encrypt messages, each a record, and returns them.
func (d *direct) records(size, count int) []byte {
	d.e.out.take()
	for range count {
		if _, err := d.c.Write(bytes.Repeat([]byte("r"), size)); err != nil {
			d.t.Fatal(err)
		}
	}
	b, _ := d.e.out.take()
	return b
}

// A message costs nothing, whether it comes alone, with others or in pieces.
func TestAllocsPerMessage(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS13, tls.VersionTLS12} {
		for _, tc := range []struct {
			name     string
			size     int
			messages int // that come in one event
			pieces   int // in which that comes
		}{
			{"one", 300, 1, 1},
			{"ten", 100, 10, 1},
			{"one in pieces", 300, 1, 8},
			{"a large one", 16000, 1, 1},
		} {
			t.Run(tls.VersionName(version)+"/"+tc.name, func(t *testing.T) {
				r := newRig(t, GateOptions{})
				config := r.client()
				config.MaxVersion = version
				d := newDirect(t, r, config)
				defer d.close()
				reply := bytes.Repeat([]byte("R"), 1000)
				const runs = 50
				var in [][]byte
				for range runs + 2 {
					in = append(in, d.records(tc.size, tc.messages))
				}
				i := 0
				one := func() {
					b := in[i]
					i++
					step := (len(b) + tc.pieces - 1) / tc.pieces
					for len(b) > 0 {
						n := min(step, len(b))
						d.feed(b[:n], reply)
						b = b[n:]
					}
				}
				one() // buffers grow
				d.n = 0
				if n := testing.AllocsPerRun(runs, one); n != 0 {
					t.Errorf("%v allocations", n)
				}
				if want := (runs + 1) * tc.size * tc.messages; d.n != want {
					t.Errorf("%d bytes came, want %d", d.n, want)
				}
			})
		}
	}
}

// Nothing is allocated for writing.
func TestAllocsSeal(t *testing.T) {
	r := newRig(t, GateOptions{})
	d := newDirect(t, r, r.client())
	defer d.close()
	for _, size := range []int{100, 16000, SealMax} {
		b := make([]byte, size)
		if n := testing.AllocsPerRun(50, func() {
			if err := d.s.Seal(b); err != nil {
				t.Fatal(err)
			}
			d.s.Sent(len(d.s.Output()))
		}); n != 0 {
			t.Errorf("%d bytes: %v allocations", size, n)
		}
	}
}

// A Session at rest holds little: that of the standard library apart, nearly nothing.
func TestSessionAtRest(t *testing.T) {
	r := newRig(t, GateOptions{})
	l := NewLoop(r.pool)
	const n = 200
	var before, after runtime.MemStats
	sessions := make([]*Session, 0, n)
	for i := range n + 1 {
		if i == 1 { // what is made once has been
			runtime.GC()
			runtime.ReadMemStats(&before)
		}
		d := newDirectOn(t, r, l, r.client())
		d.feed(d.records(100, 1), []byte("answer"))
		if i > 0 {
			sessions = append(sessions, d.s)
		} else {
			d.s.Close()
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	held := (int(after.HeapAlloc) - int(before.HeapAlloc)) / n
	t.Logf("%d bytes each", held)
	if held > 3400 || held < 1000 {
		t.Errorf("a session at rest holds %d bytes", held)
	}
	for _, s := range sessions {
		s.Close()
	}
	l.Close()
}

func BenchmarkSession(b *testing.B) {
	for _, bc := range []struct {
		name           string
		size, messages int
	}{{"1KB", 1000, 1}, {"1KB x 16", 1000, 16}, {"16KB", 16000, 1}} {
		b.Run("msg="+bc.name, func(b *testing.B) {
			r := newRig(b, GateOptions{})
			d := newDirect(b, r, r.client())
			defer d.close()
			reply := bytes.Repeat([]byte("R"), bc.size)
			d.feed(d.records(bc.size, bc.messages), reply) // buffers grow
			b.SetBytes(int64(2 * bc.size * bc.messages))
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				in := d.records(bc.size, bc.messages)
				b.StartTimer()
				d.feed(in, reply)
			}
		})
	}
}

// A handshake of both ends in one process, with a Session or with crypto/tls and a
// goroutine that waits, as servers have it, on the other.
func BenchmarkHandshake(b *testing.B) {
	b.Run("server=session", func(b *testing.B) {
		r := newRig(b, GateOptions{})
		b.ReportAllocs()
		for b.Loop() {
			d := newDirect(b, r, r.client())
			d.close()
		}
	})
	b.Run("server=bare", func(b *testing.B) {
		r := newRig(b, GateOptions{})
		b.ReportAllocs()
		for b.Loop() {
			e, done := end{newDuct(), newDuct()}, make(chan error, 1)
			go func() { done <- tls.Server(end{e.out, e.in}, r.opts.Config).Handshake() }()
			if err := tls.Client(e, r.client()).Handshake(); err != nil {
				b.Fatal(err)
			}
			if err := <-done; err != nil {
				b.Fatal(err)
			}
		}
	})
}
