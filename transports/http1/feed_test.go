package http1

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/gannetmcp/gannet/ringbuf"
	"github.com/gannetmcp/gannet/transports/httpfield"
	"github.com/gannetmcp/gannet/transports/wiretest"
)

// trace says what Next says, in words.
type trace struct {
	p    *Parser
	mode BodyMode
	got  []string
	body []byte // of the pieces
}

// feed gives b to the parser, and spoils it when the parser has taken it in.
func (tr *trace) feed(b []byte) {
	own := bytes.Clone(b)
	for rest := own; ; {
		n, ev := tr.p.Next(rest)
		rest = rest[n:]
		switch ev {
		case Head:
			tr.p.SetBody(tr.mode)
			tr.got = append(tr.got, words(tr.p.Request()))
			tr.body = tr.body[:0]
		case Piece:
			tr.body = append(tr.body, tr.p.Body()...)
		case Done:
			if tr.mode == Whole {
				tr.body = append(tr.body, tr.p.Body()...)
			}
			last := fmt.Sprintf("done %s %q", tr.p.Request().Method(), tr.body)
			tr.got = append(tr.got, last)
		case Failed:
			if len(rest) != 0 {
				tr.got = append(tr.got, "THE REST LEFT")
			}
			tr.got = append(tr.got, fmt.Sprintf("%d %s", tr.p.Err().Status, tr.p.Err().Reason))
		case More:
			if len(rest) != 0 {
				tr.got = append(tr.got, fmt.Sprintf("%d BYTES LEFT", len(rest)))
			}
			for i := range own {
				own[i] = 0xCC
			}
			return
		}
	}
}

// words is a head in words.
func words(r *Request) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", r.Method(), r.Target())
	if string(r.Path()) != string(r.Target()) {
		fmt.Fprintf(&b, " path=%s query=%s", r.Path(), r.Query())
	}
	fmt.Fprintf(&b, " 1.%d host=%s", r.Minor(), r.Host())
	switch {
	case r.Chunked():
		b.WriteString(" chunked")
	case r.HasBody():
		fmt.Fprintf(&b, " length=%d", r.ContentLength())
	}
	for _, flag := range []struct {
		on   bool
		name string
	}{{!r.KeepAlive(), "close"}, {r.Upgrade(), "upgrade"}, {r.ExpectContinue(), "expect"}} {
		if flag.on {
			b.WriteString(" " + flag.name)
		}
	}
	for i := range r.Fields() {
		name, value := r.Field(i)
		if !httpfield.EqualFold(name, "host") && !httpfield.EqualFold(name, "content-length") && !httpfield.EqualFold(name, "transfer-encoding") {
			fmt.Fprintf(&b, " %s:%q", name, value)
		}
	}
	return b.String()
}

// everyWay feeds in cut in many ways, in each mode, and expects the same of all.
func everyWay(t *testing.T, in string, limits Limits, want []string) {
	t.Helper()
	pool := ringbuf.NewPool(ringbuf.PoolOptions{})
	loop := NewLoop(pool, limits)
	for mode, want := range map[BodyMode][]string{Whole: want, Pieces: want, Drop: dropped(want)} {
		for how, pieces := range wiretest.Ways([]byte(in), 1000, 3) {
			budget := &wiretest.Budget{Max: 1 << 30}
			var p Parser
			p.Init(loop, budget)
			tr := trace{p: &p, mode: mode}
			for _, piece := range pieces {
				tr.feed(piece)
			}
			if fmt.Sprintf("%q", tr.got) != fmt.Sprintf("%q", want) {
				t.Fatalf("%s, mode %d:\n got %.1000q\nwant %.1000q", how, mode, tr.got, want)
			}
			p.Stop()
			if n := pool.Stats().Outstanding; n != 0 || budget.Held != 0 || p.Charged() != 0 {
				t.Fatalf("%s, mode %d: %d buffers, %d bytes not returned", how, mode, n, budget.Held)
			}
		}
	}
}

// dropped is what is left of the events without the bodies.
func dropped(want []string) (got []string) {
	for _, w := range want {
		if rest, ok := strings.CutPrefix(w, "done "); ok {
			method, _, _ := strings.Cut(rest, " ")
			w = "done " + method + ` ""`
		}
		got = append(got, w)
	}
	return got
}

// answer is the event of a refusal.
func answer(e *Error) string { return fmt.Sprintf("%d %s", e.Status, e.Reason) }
