package web

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/engine/mcp"
	"github.com/gannetmcp/gannet/transports/http1"
	"github.com/gannetmcp/gannet/transports/wiretest"
)

// stopped is a clock, and the driver of a loop, that a test moves.
type stopped struct{ now int64 }

func (s *stopped) Now() int64 { return s.now }
func (*stopped) Wake()        {}
func (*stopped) WakeAt(int64) {}

// meteredLoop is a loop whose time passes by pass.
func meteredLoop(t *testing.T, most int) (l *engine.Loop, pass func(time.Duration)) {
	t.Helper()
	clock := &stopped{now: 1e9}
	e, err := engine.New(mcp.NewServer(mcp.Options{Name: "meter"}), engine.Options{Clock: clock, MaxMessageBytes: most})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	l = e.NewLoop(clock)
	return l, func(d time.Duration) {
		clock.now += int64(d)
		l.Begin()
		l.End()
	}
}

// A meter lets through one of the largest at once, and then what its rate allows.
func TestMeter(t *testing.T) {
	l, pass := meteredLoop(t, 1000_000)
	m := newMeter(l, 100_000) // a second
	for _, step := range []struct {
		after time.Duration
		spend int
		want  bool
	}{
		{0, 999_999, true}, {0, 500_000, false}, // 499,999 too many
		{4 * time.Second, 0, false}, {999_990 * time.Microsecond, 0, false}, {20 * time.Microsecond, 0, true}, {0, 1, true}, {0, 1, false},
		{time.Microsecond, 0, false}, {10 * time.Microsecond, 0, true}, // of less than a byte nothing is lost
		{time.Hour, 0, true}, {0, 1_000_000, false},
		{0, 10_000_000, false}, {10 * time.Second, 0, false}, {time.Millisecond, 0, true}, // as if it had been one
	} {
		if pass(step.after); m.Spend(step.spend) != step.want {
			t.Errorf("%d after %v: %v", step.spend, step.after, !step.want)
		}
	}
	var none *meter
	if m := newMeter(l, -1); m != nil || !none.Spend(1) {
		t.Error("no bound is one")
	}
}

// A body that becomes much more than it came is refused when there is no time for it;
// one as they are is not, and neither is one that says that it becomes less than it
// may.
func TestUnpackMeter(t *testing.T) {
	const most = 1 << 20
	l, pass := meteredLoop(t, most)
	m := newMeter(l, most)
	u := newUnpacker(l.Engine(), most, m)
	text := make([]byte, 40_000)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range text {
		text[i] = "gannets "[rng.IntN(8)] // packs well, but not that well
	}
	zeros := make([]byte, most-1)
	for name, tc := range map[string]struct {
		c          coding
		usual, big []byte
	}{
		"gzip": {gzipped, wiretest.Gzip(text), wiretest.Gzip(zeros)}, "zstd": {zstandard, wiretest.Zstd(text), wiretest.Zstd(zeros)},
		"zstd, no length said": {zstandard, wiretest.ZstdStream(text), wiretest.ZstdStream(zeros)},
	} {
		if n := len(text); len(tc.usual)*freeRatio < n || len(tc.big)*freeRatio > most/2 {
			t.Fatal(name, len(tc.usual), len(tc.big))
		}
		pass(time.Hour)
		for i, want := range []*http1.Error{nil, errUnpackNoTime, errUnpackNoTime} {
			if i == 1 {
				m.Spend(most) // other loops' work is not ours, other bodies' is
			}
			got, err := u.unpack(tc.c, tc.big)
			if err != want || err == nil && !bytes.Equal(got, zeros) {
				t.Errorf("%s, body %d: %d bytes, %v", name, i, len(got), err)
			}
			u.free()
			if got, err := u.unpack(tc.c, tc.usual); err != nil || !bytes.Equal(got, text) {
				t.Errorf("%s, one as they are: %v", name, err)
			}
			u.free()
		}
		if pass(2 * time.Second); !m.Spend(0) {
			t.Errorf("%s: no time after two seconds", name)
		}
	}
}
