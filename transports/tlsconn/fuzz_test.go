package tlsconn

import (
	"testing"
)

// FuzzSession feeds a Session what a peer may send: the beginning of a good hello
// or none, then anything, in pieces. It may do nothing but refuse: no panic, no
// plaintext, no output without bound, and nothing left of it, neither a buffer nor
// a goroutine.
func FuzzSession(f *testing.F) {
	r := newRig(f, GateOptions{})
	hello := helloOf(f, r.client())
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"), uint16(0), uint8(3))
	f.Add([]byte{22, 3, 1, 0, 4, 1, 0, 0, 0}, uint16(0), uint8(1))
	f.Add([]byte{}, uint16(len(hello)), uint8(0))
	f.Add([]byte{20, 3, 3, 0, 1, 1, 23, 3, 3, 0, 20}, uint16(len(hello)), uint8(5))
	f.Add([]byte{21, 3, 3, 0, 2, 2, 40}, uint16(len(hello)), uint8(7))
	f.Add([]byte{23, 3, 3, 255, 255}, uint16(len(hello)), uint8(2))
	f.Add(hello[60:], uint16(60), uint8(50))
	f.Fuzz(func(t *testing.T, junk []byte, good uint16, step uint8) {
		in := append(append([]byte(nil), hello[:min(int(good), len(hello))]...), junk...)
		notify := make(chan struct{}, 1)
		l := NewLoop(r.pool)
		s := l.NewSession(&r.opts, nil, nil, func() {
			select {
			case notify <- struct{}{}:
			default:
			}
		})
		out := 0
		next := func(p []byte) Event {
			for {
				plain, n, ev := s.Next(p)
				if len(plain) > 0 || ev == Established || ev == Data || n > len(p) {
					t.Fatalf("event %v, %d bytes of plaintext, %d of %d taken", ev, len(plain), n, len(p))
				}
				out += len(s.Output())
				s.Sent(len(s.Output()))
				if p = p[n:]; ev == Failed || len(p) == 0 {
					return ev
				}
			}
		}
		ev := More
		for len(in) > 0 && ev == More {
			n := min(len(in), int(step)+1)
			ev = next(in[:n])
			in = in[n:]
		}
		if s.phase == shaking && ev == More {
			<-notify // it waits for its peer, or is over
			ev = next(nil)
		}
		if ev == Failed && s.Err() == nil {
			t.Fatal("failed without an error")
		}
		if out > 16<<10 {
			t.Fatalf("%d bytes of output", out)
		}
		s.Close()
		l.Close()
		r.opts.Gate.Wait()
		if st := r.pool.Stats(); st.Outstanding != 0 {
			t.Fatalf("%d buffers are not given back", st.Outstanding)
		}
	})
}

// FuzzRecords compares the search for whole records with a plain reading of
// RFC 8446, section 5.1, at every cut.
func FuzzRecords(f *testing.F) {
	f.Add([]byte{23, 3, 3, 0, 1, 0, 22, 3, 1, 0, 0, 21, 3, 3, 0}, uint16(100))
	f.Add([]byte{23, 3, 3, 255, 255, 23, 2, 3, 0, 5}, uint16(3))
	f.Fuzz(func(t *testing.T, b []byte, max uint16) {
		size, count := wholeRecords(b, int(max))
		at, n := 0, 0
		for len(b)-at >= 5 {
			length := int(b[at+3])*256 + int(b[at+4])
			if length > 16384+2048 || b[at+1] != 3 {
				length = 0 // refused by its header
			}
			if len(b)-at < 5+length || n > 0 && at+5+length > int(max) {
				break
			}
			at += 5 + length
			n++
		}
		if size != at || count != n {
			t.Fatalf("%d bytes, %d records; want %d, %d", size, count, at, n)
		}
		if count == 0 && len(b) > 0 {
			if m := missing(b); m <= 0 || recordAt(append(b[:len(b):len(b)], make([]byte, m)...)) == 0 && len(b)+m != headerLen {
				t.Fatalf("%d bytes are missing", m)
			}
		}
	})
}
