package transports

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/gannetmcp/gannet/transports/tlsconn"
)

// masked is a sealer that flips bits and puts a header before each piece: bytes
// lost, doubled or out of order are seen.
type masked struct {
	out  []byte
	most int
	fail error
}

func (m *masked) Seal(p []byte) error {
	if m.fail != nil {
		return m.fail
	}
	for len(p) > 0 {
		n := min(len(p), 16<<10)
		m.out = append(append(m.out, byte(n>>8), byte(n)), p[:n]...)
		flip(m.out[len(m.out)-n:])
		p = p[n:]
	}
	m.most = max(m.most, len(m.out))
	return nil
}

func flip(b []byte) {
	for i := range b {
		b[i] = ^b[i]
	}
}

func (m *masked) Output() []byte { return m.out }
func (m *masked) Sent(n int)     { m.out = m.out[n:] }

// unmask undoes it.
func unmask(t *testing.T, b []byte) (plain []byte) {
	t.Helper()
	for len(b) > 0 {
		if len(b) < 2 || len(b) < 2+int(b[0])<<8+int(b[1]) {
			t.Fatal("a piece is cut")
		}
		n := int(b[0])<<8 + int(b[1])
		plain = append(plain, b[2:2+n]...)
		b = b[2+n:]
	}
	flip(plain)
	return plain
}

// Whatever the kernel takes and when: every byte arrives once, in order; all is
// said to be taken only when the kernel has it; and what waits is bounded. The
// engine is played: it offers what is left, and more behind it.
func TestWriteSealed(t *testing.T) {
	seeds := uint64(12)
	if raced {
		seeds = 3
	}
	for seed := range seeds {
		rnd := rand.New(rand.NewPCG(seed, 1))
		fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, fd := range fds {
			_ = unix.SetNonblock(fd, true)
			_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, 4<<10)
		}
		var all, got, waits []byte
		var m masked
		owed, progressed := 0, 0
		read := func(n int) {
			b := make([]byte, n)
			if k, _ := unix.Read(fds[1], b); k > 0 {
				got = append(got, b[:k]...)
			}
		}
		for range 200 {
			if rnd.IntN(3) > 0 {
				more := make([]byte, 2+rnd.IntN([]int{10, 3_000, 100_000, 300_000}[rnd.IntN(4)]))
				for i := range more {
					more[i] = byte(len(all) + i*i>>8)
				}
				all, waits = append(all, more...), append(waits, more...)
			}
			if len(waits) > 0 {
				n, progress, err := writeSealed(&m, fds[0], &owed, waits)
				if err != nil || n < 0 || n > len(waits) || owed > 1 || n == len(waits) && len(m.out) > 0 || n < len(waits) && len(m.out) == 0 {
					t.Fatalf("seed %d: %d of %d taken, %d owed, %d bytes wait, %v", seed, n, len(waits), owed, len(m.out), err)
				}
				if progress {
					progressed++
				}
				waits = waits[n:]
			}
			read(rnd.IntN(60_000))
		}
		for len(waits) > 0 {
			n, _, err := writeSealed(&m, fds[0], &owed, waits)
			if err != nil {
				t.Fatal(err)
			}
			waits = waits[n:]
			read(100_000)
		}
		for before := -1; before < len(got); {
			before = len(got)
			read(1 << 20)
		}
		if plain := unmask(t, got); !bytes.Equal(plain, all) || progressed == 0 {
			t.Fatalf("seed %d: %d bytes arrived of %d", seed, len(plain), len(all))
		}
		if m.most > 64<<10 {
			t.Errorf("seed %d: %d bytes waited", seed, m.most)
		}
		_ = unix.Close(fds[0])
		_ = unix.Close(fds[1])
	}
	m := masked{fail: io.ErrClosedPipe}
	owed := 0
	if _, _, err := writeSealed(&m, -1, &owed, []byte("x")); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("a sealer that fails: %v", err)
	}
	m = masked{}
	if _, _, err := writeSealed(&m, -1, &owed, []byte("x")); !errors.Is(err, unix.EBADF) {
		t.Errorf("a descriptor that fails: %v", err)
	}
	if tlsconn.SealMax > 64<<10 {
		t.Error("a buffer of 64 KiB does not do")
	}
}

// A server that reads all the time, but never all there is, does not make a client's
// output grow by what it has read; and it gets each byte once, in order.
func TestClientOutputOfSlowServer(t *testing.T) {
	w := &clientWire{kept: true}
	c := &sealedConn{wire: w}
	var all, got []byte
	for i := range 1000 {
		b := bytes.Repeat([]byte{byte(i)}, 20_000)
		if _, err := w.Write(b); err != nil {
			t.Fatal(err)
		}
		all = append(all, b...)
		n := len(c.Output()) - 10_000
		got = append(got, c.Output()[:n]...)
		if c.Sent(n); cap(w.out) > 128<<10 {
			t.Fatalf("a buffer of %d bytes for the 30,000 that wait", cap(w.out))
		}
	}
	if got = append(got, c.Output()...); !bytes.Equal(got, all) {
		t.Errorf("%d bytes of %d, or others", len(got), len(all))
	}
}
