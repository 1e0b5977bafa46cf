package transports

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/engine"
)

// sendLong sends a request whose line is n bytes long, in pieces of 1 KiB, and
// returns how long that and its answer took.
func sendLong(t *testing.T, p *peer, id, n int) time.Duration {
	t.Helper()
	head := fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"length","params":{"text":"`, id)
	tail := `"}}`
	_ = p.SetDeadline(time.Now().Add(60 * time.Second))
	begin := time.Now()
	p.send(head)
	piece := bytes.Repeat([]byte("x"), 1024)
	for left := n - len(head) - len(tail); left > 0; left -= len(piece) {
		if _, err := p.Write(piece[:min(left, len(piece))]); err != nil {
			t.Fatal(err)
		}
	}
	p.send(tail + "\n")
	p.want(res(id, fmt.Sprint(n)))
	return time.Since(begin)
}

// A message of 16 MiB in pieces of 1 KiB is answered, and costs no more a byte
// than one of a quarter of it: quadratic copying would cost 4 times as much.
func TestLongMessageLinear(t *testing.T) {
	s := start(t, Options{}, "tcp://127.0.0.1:0")
	p := dial(t, s)
	sendLong(t, p, 0, 16<<20) // warms the pool
	best := func(n int) time.Duration {
		d := time.Hour
		for i := range 3 {
			d = min(d, sendLong(t, p, i, n))
		}
		return d
	}
	for try := 1; ; try++ { // other load on the machine makes a try worthless; quadratic copying fails all
		quarter, whole := best(4<<20), best(16<<20)
		t.Logf("4 MiB in %v, 16 MiB in %v", quarter, whole)
		if whole <= 10*quarter {
			break
		}
		if try == 5 {
			t.Errorf("16 MiB took %v, 4 MiB %v", whole, quarter)
			break
		}
	}
	othersServed(t, s)
	if n := s.Snapshot().Engine.BufferedBytes; n != 0 {
		t.Errorf("%d bytes still charged", n)
	}
}

// A message above the limit is refused when it passes the limit, not at its
// end; the rest is skipped, nothing of it is kept, and the next is answered.
func TestOversizedMessage(t *testing.T) {
	const limit = 1 << 20
	s := start(t, Options{Engine: engine.Options{MaxMessageBytes: limit}}, "tcp://127.0.0.1:0")
	p := dial(t, s)
	othersServed(t, s)
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	p.send(`{"jsonrpc":"2.0","id":1,"method":"length","params":{"text":"`)
	piece := strings.Repeat("x", 64<<10)
	for range limit/len(piece) + 1 {
		p.send(piece)
	}
	got := p.line() // while the message has no end yet
	if want := fmt.Sprintf(`"data":{"limit":%d,"unit":"bytes"}`, limit); !strings.Contains(got, `"code":-32600`) || !strings.Contains(got, want) {
		t.Errorf("got %s", got)
	}
	rest := []byte(piece)
	for range 64 << 20 / len(piece) {
		if _, err := p.Write(rest); err != nil {
			t.Fatal(err)
		}
	}
	if n := s.Snapshot().Engine.BufferedBytes; n != 0 {
		t.Errorf("%d bytes are kept of a message that was refused", n)
	}
	var after runtime.MemStats
	runtime.ReadMemStats(&after)
	if grew := after.TotalAlloc - before.TotalAlloc; grew > 8<<20 {
		t.Errorf("64 MiB skipped cost %d bytes of allocation", grew)
	}
	p.send("\"}}\n" + req(2, "echo", ""))
	p.want(res(2, "{}"))
	if n := s.Snapshot().Engine.Oversized; n != 1 {
		t.Errorf("%d messages counted as oversized, want 1", n)
	}
	// Exactly at the limit, and one above it.
	sendLong(t, p, 3, limit)
	p.send(strings.Repeat(" ", limit+1) + "\n" + req(4, "echo", ""))
	p.wantError(nil, -32600)
	p.want(res(4, "{}"))
}

// When the budget of the process has no room for a long message, it is refused
// as overloaded, skipped, and the stream stays in step.
func TestMessageOverBudget(t *testing.T) {
	s := start(t, Options{Engine: engine.Options{MaxBufferedBytes: 1 << 20}}, "tcp://127.0.0.1:0")
	p := dial(t, s)
	p.send(`{"jsonrpc":"2.0","id":1,"method":"length","params":{"text":"`)
	piece := strings.Repeat("x", 64<<10)
	for range 64 {
		p.send(piece)
	}
	p.wantError(nil, -31001)
	othersServed(t, s)
	p.send("\"}}\n" + req(2, "echo", ""))
	p.want(res(2, "{}"))
	if n := s.Snapshot().Engine.BufferedBytes; n != 0 {
		t.Errorf("%d bytes still charged", n)
	}
}
