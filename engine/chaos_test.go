package engine

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// chaosConn is a connection of TestAnyOrder and what the test knows of it.
type chaosConn struct {
	c     *Conn
	w     *fakeWire
	asked map[string]int // replies outstanding, by raw id
	cut   map[string]bool
	ended bool
}

// Messages, wakes, workers, time, peers that stop reading, cancel, go away, a
// drain: in any order. Each request is answered once, or not at all if it was
// cancelled or its connection ended; nothing is answered twice or unasked; and
// at the end nothing is left in any table, wheel, budget or pool.
func TestAnyOrder(t *testing.T) {
	seeds := uint64(400)
	if testing.Short() {
		seeds = 50
	}
	for seed := range seeds {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) { anyOrder(t, seed) })
		if t.Failed() {
			return // the seed is in the name
		}
	}
}

func anyOrder(t *testing.T, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 1))
	o := Options{
		MaxInFlight: 1 + r.IntN(20), MaxInFlightTotal: 1 + r.IntN(40), MaxQueuedPushes: 1 + r.IntN(8),
		OutputHighWater: 1 << (6 + r.IntN(12)), HeldInputBytes: 1 << 12, MaxOutputBytes: 1 << (11 + r.IntN(10)),
		CallTimeout: time.Duration(1+r.IntN(300)) * time.Millisecond, IdleTimeout: time.Duration(200+r.IntN(2000)) * time.Millisecond,
		HandshakeTimeout: time.Second, ReadTimeout: time.Second, WriteStallTimeout: time.Duration(50+r.IntN(500)) * time.Millisecond,
		Flush: FlushPolicy(r.IntN(3)),
	}
	h := newHarness(t, o)
	h.exec.room = r.IntN(30)
	if r.IntN(3) == 0 {
		h.exec.room = -1
	}
	var conns []*chaosConn
	cancelled := func(c *Conn, raw string) {
		for _, k := range conns {
			if k.c == c {
				k.cut[raw] = true
			}
		}
	}
	h.svc.run = func(c *Call) {
		switch r.IntN(8) {
		case 0:
			panic("in a worker")
		case 1: // forgets to answer
		case 2:
			_ = c.EndNotification(append(c.BeginNotification("notifications/progress"), "{}"...))
			echo(c)
		case 3:
			_ = c.Context()
			echo(c)
		case 4: // works for so long that its time may be up meanwhile
			h.clock.nanos += int64(r.IntN(400)) * 1e6
			h.l.Turn()
			echo(c)
		case 5: // is cancelled while it works
			if !c.Ended() {
				h.l.Begin()
				c.conn.Cancel(c.ID().Raw(), "")
				h.l.End()
				cancelled(c.conn, string(c.ID().Raw()))
			}
			echo(c)
		default:
			echo(c)
		}
	}
	open := func() {
		c, w := h.open()
		if c == nil {
			return
		}
		conns = append(conns, &chaosConn{c: c, w: w, asked: map[string]int{}, cut: map[string]bool{}})
	}
	// check takes in what a connection has written.
	check := func(k *chaosConn) {
		text := k.w.got.String()
		end := strings.LastIndexByte(text, '\n') + 1
		for _, line := range strings.Split(strings.TrimSuffix(text[:end], "\n"), "\n") {
			if line == "" {
				continue
			}
			replies := []json.RawMessage{[]byte(line)}
			if line[0] == '[' {
				replies = nil
				if err := json.Unmarshal([]byte(line), &replies); err != nil {
					t.Fatalf("%v in %s", err, line)
				}
			}
			for _, one := range replies {
				var m struct {
					ID     json.RawMessage
					Method string
				}
				if err := json.Unmarshal(one, &m); err != nil {
					t.Fatalf("%v in %s", err, one)
				}
				if m.Method != "" || string(m.ID) == "null" {
					continue
				}
				if k.asked[string(m.ID)] == 0 {
					t.Fatalf("an answer that was not asked for, or a second one: %s", one)
				}
				k.asked[string(m.ID)]--
			}
		}
		rest := text[end:]
		k.w.got.Reset()
		k.w.got.WriteString(rest)
	}
	id := 0
	ask := func(k *chaosConn, method, params string) string {
		id++
		raw := fmt.Sprint(id)
		if r.IntN(3) == 0 {
			raw = fmt.Sprintf("%q", raw)
		}
		k.asked[raw]++
		return fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"method":%q,"params":%s}`, raw, method, params)
	}
	params := func() string {
		return fmt.Sprintf(`{"ms":%d,"text":"%s"}`, r.IntN(400), strings.Repeat("x", r.IntN(1<<r.IntN(18))))
	}
	methods := []string{"echo", "ping", "pool", "pool", "later", "panic", "panicAfter", "panicDetached", "forget", "notify", "nothing"}
	for range 2 {
		open()
	}
	drained := false
	for range 300 {
		switch op := r.IntN(20); {
		case op == 0 && len(conns) < 6:
			open()
			continue
		case op == 1 && r.IntN(60) == 0:
			h.e.Drain()
			drained = true
			h.l.Turn()
			continue
		case op < 4:
			h.clock.nanos += int64(r.IntN(120)) * 1e6
			h.l.Turn()
		case op < 6:
			for range r.IntN(6) {
				if len(h.exec.queue) > 0 {
					// Workers end in any order.
					i := r.IntN(len(h.exec.queue))
					c := h.exec.queue[i]
					h.exec.queue = append(h.exec.queue[:i], h.exec.queue[i+1:]...)
					c.Run()
				}
			}
			h.l.Turn()
		}
		if len(conns) == 0 {
			open()
			continue
		}
		k := conns[r.IntN(len(conns))]
		if k.ended || k.c.Closed() {
			k.ended = true
			continue
		}
		h.l.Begin()
		for range 1 + r.IntN(5) {
			if k.c.Blocked() {
				break
			}
			switch r.IntN(14) {
			case 0:
				k.c.Receive([]byte(`{"jsonrpc":"2.0","id":`))
			case 1:
				k.c.Receive([]byte(`[1,{}]`))
			case 2:
				var parts []string
				for range 1 + r.IntN(4) {
					parts = append(parts, ask(k, methods[r.IntN(len(methods))], params()))
				}
				k.c.Receive([]byte("[" + strings.Join(parts, ",") + "]"))
			case 3:
				// Cancels one of its own, which may then be answered or not.
				for raw, n := range k.asked {
					if n > 0 {
						k.cut[raw] = true
						k.c.Receive([]byte(fmt.Sprintf(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":%s,"reason":"r"}}`, raw)))
						break
					}
				}
			case 4:
				k.w.room = r.IntN(3000) // reads so much more
			case 5:
				k.w.room = -1
			case 6:
				k.c.Oversized()
			case 7:
				k.c.Partial(0)
			default:
				k.c.Receive([]byte(ask(k, methods[r.IntN(len(methods))], params())))
			}
		}
		switch r.IntN(60) {
		case 0:
			k.c.EndOfInput()
		case 1:
			k.c.Close(CloseReset)
		case 2:
			k.w.fail = fmt.Errorf("gone")
		case 3, 4:
			_ = k.c.Deliver([]byte(`{"jsonrpc":"2.0","method":"notifications/message","params":{}}`))
		}
		h.l.End()
		for _, k := range conns {
			check(k)
		}
	}
	// Peace: everybody reads, workers and time finish what there is.
	h.exec.room = -1
	for _, k := range conns {
		k.w.room = -1
	}
	for range 40 {
		h.clock.nanos += 50e6
		h.l.Turn()
		h.exec.runAll()
		h.l.Turn()
	}
	for _, k := range conns {
		check(k)
		if k.c.InFlight() != 0 {
			t.Errorf("%d calls in flight at the end", k.c.InFlight())
		}
		if k.c.Closed() {
			continue
		}
		for raw, n := range k.asked {
			if n > 0 && !k.cut[raw] {
				t.Errorf("%s was never answered (drained %v)", raw, drained)
			}
		}
	}
	h.settle()
}
