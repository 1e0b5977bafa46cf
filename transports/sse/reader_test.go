package sse

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/ringbuf"
)

// feedPiece gives a copy of p to r, spoils it afterwards, and returns the steps
// in words.
func feedPiece(r *Reader, p []byte) (got []string) {
	p = bytes.Clone(p)
	for rest := p; ; {
		ev, n, step := r.Next(rest)
		rest = rest[n:]
		switch step {
		case More:
			if len(rest) > 0 {
				got = append(got, fmt.Sprintf("LEFT %d BYTES", len(rest)))
			}
			for i := range p {
				p[i] = 0xCC
			}
			return got
		case Dispatch:
			words := fmt.Sprintf("%s|%s|%s", ev.Name, ev.ID, ev.Data)
			if ev.Retry > 0 {
				words += "|" + ev.Retry.String()
			}
			got = append(got, words)
		case TooLong:
			got = append(got, "<too long>")
		}
	}
}

func readAll(t *testing.T, in []byte, o ReaderOptions) []string {
	t.Helper()
	pool := ringbuf.NewPool(ringbuf.PoolOptions{})
	var r Reader
	r.Init(pool, o)
	got := feedPiece(&r, in)
	r.Release()
	if n := pool.Stats().Outstanding; n != 0 {
		t.Errorf("%d buffers not returned", n)
	}
	return got
}

var (
	ten    = strings.Repeat("x", 10)
	eleven = ten + "x"
)

// The limits are 10 bytes of data and 5 of a field.
var readerCases = []struct {
	name string
	in   string
	want []string
	id   string // last event id at the end
}{
	{"one", "data: a\n\n", []string{"||a"}, ""},
	{"two", "data: a\n\ndata: b\n\n", []string{"||a", "||b"}, ""},
	{"all fields", "event: e\nid: i\nretry: 7\ndata: d\n\n", []string{"e|i|d|7ms"}, "i"},
	{"CR", "event: e\rid: i\rdata: d\r\rdata: f\r\r", []string{"e|i|d", "|i|f"}, "i"},
	{"CRLF", "event: e\r\nid: i\r\ndata: d\r\n\r\ndata: f\r\n\r\n", []string{"e|i|d", "|i|f"}, "i"},
	{"all ends mixed", "data:a\r\ndata:b\ndata:c\r\r\ndata:d\n\r\ndata:e\r\n\n", []string{"||a\nb\nc", "||d", "||e"}, ""},
	{"no space", "data:a\n\n", []string{"||a"}, ""},
	{"two spaces", "data:  a\n\n", []string{"|| a"}, ""},
	{"space and nothing", "data: \n\n", []string{"||"}, ""},
	{"tab kept", "data:\ta\n\n", []string{"||\ta"}, ""},
	{"colons in the value", "data:a:b: c\n\n", []string{"||a:b: c"}, ""},
	{"no colon", "data\n\n", []string{"||"}, ""},
	{"two without a colon", "data\ndata\n\n", []string{"||\n"}, ""},
	{"lines joined", "data: a\ndata: b\ndata\ndata: c\n\n", []string{"||a\nb\n\nc"}, ""},
	{"first line empty", "data\ndata: b\n\n", []string{"||\nb"}, ""},
	{"comments", ":\n: a\n:data: x\ndata: b\n: c\n\n", []string{"||b"}, ""},
	{"priming", "id: s_0\nretry: 1\ndata: \n\n", []string{"|s_0||1ms"}, "s_0"},
	{"id stays", "id: 1\ndata: a\n\ndata: b\n\n", []string{"|1|a", "|1|b"}, "1"},
	{"id without data", "id: 1\n\ndata: b\n\n", []string{"|1|b"}, "1"},
	{"id emptied", "id: 1\ndata: a\n\nid\ndata: b\n\n", []string{"|1|a", "||b"}, ""},
	{"last of two ids", "id: 1\nid: 2\ndata: a\n\n", []string{"|2|a"}, "2"},
	{"last of two names", "event: a\nevent: b\ndata: d\n\n", []string{"b||d"}, ""},
	{"name without data is forgotten", "event: a\n\ndata: d\n\n", []string{"||d"}, ""},
	{"retry without data", "retry: 5\n\ndata: d\n\n", []string{"||d"}, ""},
	{"byte order mark", "\xEF\xBB\xBFdata: a\n\n", []string{"||a"}, ""},
	{"NUL and ill-formed UTF-8 in data", "data: \x00\xff\n\n", []string{"||\x00\xff"}, ""},
	{"data at the limit", "data: " + ten + "\n\n", []string{"||" + ten}, ""},
	{"joined data at the limit", "data: 1234\ndata: 56789\n\n", []string{"||1234\n56789"}, ""},
	{"fields at the limit", "event: 12345\nid: 12345\ndata\n\n", []string{"12345|12345|"}, "12345"},

	{"nothing", "", nil, ""},
	{"empty lines", "\n\r\n\r\r\n\n", nil, ""},
	{"no end", "data: a\n", nil, ""},
	{"no end of the line", "data: a\n\ndata: b", []string{"||a"}, ""},
	{"id whose block has no end", "id: 1\ndata: a\n", nil, ""},
	{"no data", "event: e\nid: 1\nretry: 3\n\n", nil, "1"},
	{"id with NUL", "id: 1\ndata: a\n\nid: 2\x00\ndata: b\n\n", []string{"|1|a", "|1|b"}, "1"},
	{"id with NUL after another", "id: 1\nid: \x002\ndata: b\n\n", []string{"|1|b"}, "1"},
	{"retry with a sign", "retry: +3\nretry: -3\ndata\n\n", []string{"||"}, ""},
	{"retry with a letter", "retry: 3s\nretry: x3\ndata\n\n", []string{"||"}, ""},
	{"retry with a space", "retry:  3\nretry: 3 \ndata\n\n", []string{"||"}, ""},
	{"retry with a fraction", "retry: 3.5\ndata\n\n", []string{"||"}, ""},
	{"empty retry", "retry\nretry:\ndata\n\n", []string{"||"}, ""},
	{"retry beyond int64", "retry: 99999999999999999999999\ndata\n\n", []string{"|||2562047h47m16.854s"}, ""},
	{"unknown fields", "foo: a\ndatax: b\ndat: c\n data: d\nData: e\ndata : f\nevents: g\ndata: h\n\n", []string{"||h"}, ""},
	{"long unknown field", strings.Repeat("y", 99) + ": a\n" + strings.Repeat("z", 99) + "\ndata: h\n\n", []string{"||h"}, ""},
	{"NUL in a name", "da\x00ta: a\ndata\x00: b\n\n", nil, ""},
	{"long comment", ":" + strings.Repeat("y", 99) + "\ndata: h\n\n", []string{"||h"}, ""},
	{"second byte order mark", "\xEF\xBB\xBF\xEF\xBB\xBFdata: a\ndata: b\n\n", []string{"||b"}, ""},
	{"late byte order mark", "\n\xEF\xBB\xBFdata: a\n\n", nil, ""},
	{"part of a byte order mark", "\xEF\xBBdata: a\ndata: b\n\n", []string{"||b"}, ""},
	{"part of a byte order mark alone on its line", "\xEF\ndata: b\n\n", []string{"||b"}, ""},
	{"data above the limit", "data: " + eleven + "\n\ndata: b\n\n", []string{"<too long>", "||b"}, ""},
	{"far above", "data: " + strings.Repeat("x", 999) + "\ndata: y\ndata\n\ndata: b\n\n", []string{"<too long>", "||b"}, ""},
	{"joined data above the limit", "data: 12345\ndata: 67890\n\ndata: b\n\n", []string{"<too long>", "||b"}, ""},
	{"above by a line end", "data: " + ten + "\ndata\n\ndata: b\n\n", []string{"<too long>", "||b"}, ""},
	{"above twice", "data: " + eleven + "\n\ndata: " + eleven + "\n\n", []string{"<too long>", "<too long>"}, ""},
	{"above, without an end", "data: " + eleven, []string{"<too long>"}, ""},
	{"above, and its id counts", "id: 1\ndata: " + eleven + "\nid: 2\n\ndata: b\n\n", []string{"<too long>", "|2|b"}, "2"},
	{"name above the limit", "data: a\nevent: 123456\nevent: n\ndata: c\n\ndata: b\n\n", []string{"<too long>", "||b"}, ""},
	{"id above the limit", "id: 1\n\ndata: a\nid: 123456\n\ndata: b\n\n", []string{"<too long>", "|1|b"}, "1"},
	{"id above the limit after NUL", "id: 12\x003456\ndata: b\n\n", []string{"||b"}, ""},
	{"id above the limit before NUL", "id: 123456\x00\ndata: b\n\n", []string{"<too long>"}, ""},
	{"two reasons", "data: " + eleven + "\nid: 123456\nevent: 123456\n\n", []string{"<too long>"}, ""},
}

// Whatever the pieces, the steps are the same.
func TestReader(t *testing.T) {
	pool := ringbuf.NewPool(ringbuf.PoolOptions{})
	for _, tc := range readerCases {
		t.Run(tc.name, func(t *testing.T) {
			in := []byte(tc.in)
			check := func(how string, pieces ...[]byte) {
				var r Reader
				r.Init(pool, ReaderOptions{MaxDataBytes: 10, MaxFieldBytes: 5})
				var got []string
				for _, p := range pieces {
					got = append(got, feedPiece(&r, p)...)
				}
				if !slices.Equal(got, tc.want) || string(r.LastEventID()) != tc.id {
					t.Errorf("%s: got %q, id %q; want %q, id %q", how, got, r.LastEventID(), tc.want, tc.id)
				}
				r.Release()
				if r.Pending() {
					t.Errorf("%s: pending after Release", how)
				}
			}
			check("whole", in)
			var single [][]byte
			for i := range in {
				single = append(single, in[i:i+1])
			}
			check("byte by byte", single...)
			for i := range in {
				check(fmt.Sprintf("split at %d", i), in[:i], in[i:])
				check(fmt.Sprintf("a byte alone at %d", i), in[:i], in[i:i+1], nil, in[i+1:])
			}
		})
	}
	if n := pool.Stats().Outstanding; n != 0 {
		t.Errorf("%d buffers not returned", n)
	}
}

// Data in one line of one piece is a view; a buffer is held for what came in
// pieces, until the next call.
func TestReaderHolds(t *testing.T) {
	pool := ringbuf.NewPool(ringbuf.PoolOptions{})
	out := func() int64 { return pool.Stats().Outstanding }
	var r Reader
	r.Init(pool, ReaderOptions{})
	p := []byte("event: message\ndata: abc\n\n")
	ev, _, step := r.Next(p)
	if step != Dispatch || &ev.Data[0] != &p[21] || cap(ev.Data) != 3 || out() != 0 || r.Pending() {
		t.Errorf("%d: not a view: %q, %d buffers", step, ev.Data, out())
	}
	if r.Next([]byte("data: ab")); out() != 1 || !r.Pending() {
		t.Errorf("%d buffers in the middle of data", out())
	}
	ev, n, step := r.Next([]byte("c\n\n"))
	if step != Dispatch || n != 3 || string(ev.Data) != "abc" || out() != 1 {
		t.Errorf("%d: %q, %d buffers", step, ev.Data, out())
	}
	if r.Next(nil); out() != 0 || r.Pending() {
		t.Errorf("%d buffers after the event", out())
	}
}

// An event far larger than its pieces costs memory twice its size at most.
func TestReaderLongData(t *testing.T) {
	pool := ringbuf.NewPool(ringbuf.PoolOptions{})
	var r Reader
	r.Init(pool, ReaderOptions{})
	want := bytes.Repeat([]byte("0123456789abcdef"), DefaultReaderData/16)
	r.Next([]byte("data: "))
	for p := want; len(p) > 0; p = p[1024:] {
		if _, n, step := r.Next(p[:1024]); step != More || n != 1024 {
			t.Fatalf("step %d, took %d", step, n)
		}
	}
	ev, _, step := r.Next([]byte("\n\n"))
	if step != Dispatch || !bytes.Equal(ev.Data, want) || cap(ev.Data) > 2*len(want) {
		t.Errorf("step %d, %d bytes in %d", step, len(ev.Data), cap(ev.Data))
	}
	r.Next([]byte("data: "))
	r.Next(want)
	if _, _, step := r.Next([]byte("x")); step != TooLong || pool.Stats().Outstanding != 0 {
		t.Errorf("step %d beyond the limit, %d buffers", step, pool.Stats().Outstanding)
	}
	if _, _, step := r.Next(want); step != More || pool.Stats().Outstanding != 0 {
		t.Errorf("step %d further on, %d buffers", step, pool.Stats().Outstanding)
	}
}

// Lines of one kind of end, many in a piece, cost time linear in their bytes.
func TestReaderLinear(t *testing.T) {
	for _, end := range []string{"\n", "\r"} {
		in := []byte(strings.Repeat(":"+end, 4<<20))
		start := time.Now()
		if got := readAll(t, in, ReaderOptions{}); len(got) > 0 {
			t.Errorf("%q", got)
		}
		if d := time.Since(start); d > 20*time.Second { // minutes if it were not
			t.Errorf("%q: %v for %d bytes", end, d, len(in))
		}
	}
}

// A stream that resumes another begins anew, with the id and the wait in force.
func TestReaderResumes(t *testing.T) {
	var r Reader
	r.Init(ringbuf.NewPool(ringbuf.PoolOptions{}), ReaderOptions{})
	if _, said := r.Retry(); said || len(r.LastEventID()) > 0 {
		t.Error("something before the beginning")
	}
	feedPiece(&r, []byte("id: 1\nretry: 0\ndata: a\n\nid: 2\nevent: e\ndata: b\ndata: c"))
	r.Release()
	if d, said := r.Retry(); d != 0 || !said || string(r.LastEventID()) != "1" {
		t.Errorf("%v, %v, %q", d, said, r.LastEventID())
	}
	if got := feedPiece(&r, []byte("\xEF\xBB\xBFdata: d\n\n")); !slices.Equal(got, []string{"|1|d"}) {
		t.Errorf("%q", got)
	}
}

// The wait in force is the last that was said, in a block with data or without.
func TestReaderRetry(t *testing.T) {
	for _, tc := range []struct {
		in   string
		want time.Duration
		said bool
	}{
		{"retry: 5\n\n", 5 * time.Millisecond, true},
		{"retry: 5\n", 5 * time.Millisecond, true},
		{"retry: 5\n\nretry: 7\ndata\n\ndata\n\n", 7 * time.Millisecond, true},
		{"retry: 0\n\n", 0, true},
		{"retry: 007\n\n", 7 * time.Millisecond, true},
		{"retry: 5\n\nretry: x\nretry\nretry:\nretry: 7x\n\n", 5 * time.Millisecond, true},
		{"retry: 9223372036855\n\n", 9223372036854 * time.Millisecond, true},
		{"", 0, false},
		{"retry", 0, false},
		{"retry\n\n", 0, false},
		{"retry:\n\n", 0, false},
		{"retry: \n\n", 0, false},
		{"retry: 5", 0, false},
		{"retry: -5\n\n", 0, false},
		{"retry: 5 \n\n", 0, false},
		{"retrys: 5\n\n", 0, false},
	} {
		var r Reader
		r.Init(nil, ReaderOptions{})
		feedPiece(&r, []byte(tc.in))
		if d, said := r.Retry(); d != tc.want || said != tc.said {
			t.Errorf("%q: %v, %v", tc.in, d, said)
		}
	}
}
