package sse

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/ringbuf"
)

var eventCases = []struct {
	name string
	in   Event
	want string
	err  error
	data string // as it is read, where breaks change it
}{
	{name: "message", in: Event{Name: []byte(NameMessage), Data: []byte(`{"id":1}`)}, want: "event: message\ndata: {\"id\":1}\n\n"},
	{name: "endpoint", in: Event{Name: []byte(NameEndpoint), Data: []byte("/sse?session=x")}, want: "event: endpoint\ndata: /sse?session=x\n\n"},
	{name: "all fields, in order", in: Event{Name: []byte("n"), ID: []byte("s_1"), Retry: 1500 * time.Millisecond, Data: []byte("d")}, want: "event: n\nid: s_1\nretry: 1500\ndata: d\n\n"},
	{name: "nothing", want: "data: \n\n"},
	{name: "id and no data", in: Event{ID: []byte("s_0")}, want: "id: s_0\ndata: \n\n"},
	{name: "retry below a millisecond", in: Event{Retry: time.Microsecond}, want: "data: \n\n"},
	{name: "retry below nothing", in: Event{Retry: -time.Hour}, want: "data: \n\n"},
	{name: "longest retry", in: Event{Retry: 1<<63 - 1}, want: "retry: 9223372036854\ndata: \n\n"},
	{name: "leading space and colon", in: Event{Name: []byte(" n"), ID: []byte(":"), Data: []byte("  d")}, want: "event:  n\nid: :\ndata:   d\n\n"},
	{name: "LF", in: Event{Data: []byte("a\nb")}, want: "data: a\ndata: b\n\n"},
	{name: "CR", in: Event{Data: []byte("a\rb")}, want: "data: a\ndata: b\n\n", data: "a\nb"},
	{name: "CRLF", in: Event{Data: []byte("a\r\nb")}, want: "data: a\ndata: b\n\n", data: "a\nb"},
	{name: "LFCR", in: Event{Data: []byte("a\n\rb")}, want: "data: a\ndata: \ndata: b\n\n", data: "a\n\nb"},
	{name: "CRCRLFLF", in: Event{Data: []byte("\r\r\n\n")}, want: "data: \ndata: \ndata: \ndata: \n\n", data: "\n\n\n"},
	{name: "a break at the end", in: Event{Data: []byte("a\n")}, want: "data: a\ndata: \n\n"},
	{name: "fields in the data", in: Event{Data: []byte("a\n\nid: x\ndata: y")}, want: "data: a\ndata: \ndata: id: x\ndata: data: y\n\n"},
	{name: "NUL and ill-formed UTF-8 in data", in: Event{Data: []byte("\x00\xff")}, want: "data: \x00\xff\n\n"},
	{name: "break beyond the first window", in: Event{Data: []byte(strings.Repeat("x", 1000) + "\ry")}, want: "data: " + strings.Repeat("x", 1000) + "\ndata: y\n\n", data: strings.Repeat("x", 1000) + "\ny"},

	{name: "LF in a name", in: Event{Name: []byte("a\nid: x")}, err: ErrName},
	{name: "CR in a name", in: Event{Name: []byte("a\r")}, err: ErrName},
	{name: "CRLF in a name", in: Event{Name: []byte("\r\n")}, err: ErrName},
	{name: "LF in an id", in: Event{ID: []byte("a\n\ndata: forged")}, err: ErrID},
	{name: "CR in an id", in: Event{ID: []byte("\ra")}, err: ErrID},
	{name: "NUL in an id", in: Event{ID: []byte("a\x00")}, err: ErrID},
	{name: "both", in: Event{Name: []byte("\n"), ID: []byte("\n")}, err: ErrName},
}

// What is written has the size that was said, and is read as it was meant.
func TestEventAppend(t *testing.T) {
	pool := ringbuf.NewPool(ringbuf.PoolOptions{})
	for _, tc := range eventCases {
		t.Run(tc.name, func(t *testing.T) {
			got, err := tc.in.Append([]byte("before"))
			if err != tc.err || string(got) != "before"+tc.want {
				t.Fatalf("%q, %v; want %q, %v", got, err, tc.want, tc.err)
			}
			if err != nil {
				if _, err := tc.in.Share(pool); err != tc.err {
					t.Errorf("Share: %v", err)
				}
				return
			}
			if n := tc.in.Size(); n != len(tc.want) {
				t.Errorf("Size is %d of %d", n, len(tc.want))
			}
			var r Reader
			r.Init(pool, ReaderOptions{})
			ev, n, step := r.Next([]byte(tc.want))
			data := tc.data
			if data == "" {
				data = string(tc.in.Data)
			}
			retry := max(0, tc.in.Retry.Truncate(time.Millisecond))
			if step != Dispatch || n != len(tc.want) || string(ev.Data) != data || !bytes.Equal(ev.Name, tc.in.Name) || !bytes.Equal(ev.ID, tc.in.ID) || ev.Retry != retry {
				t.Errorf("read as %+v (step %d, %d bytes)", ev, step, n)
			}
			r.Release()
		})
	}
	if n := pool.Stats().Outstanding; n != 0 {
		t.Errorf("%d buffers not returned", n)
	}
}

func TestComment(t *testing.T) {
	for _, tc := range []struct{ in, want string }{
		{"", ": \n\n"},
		{"ok", ": ok\n\n"},
		{"a\nb\r\nc\rd", ": a\n: b\n: c\n: d\n\n"},
		{"\n\ndata: forged\n\n", ": \n: \n: data: forged\n: \n: \n\n"},
	} {
		got := string(AppendComment(nil, []byte(tc.in)))
		if got != tc.want || CommentSize([]byte(tc.in)) != len(got) {
			t.Errorf("%q: %q, size %d", tc.in, got, CommentSize([]byte(tc.in)))
		}
		if events := readAll(t, []byte(got), ReaderOptions{}); len(events) != 0 {
			t.Errorf("%q is read as %q", tc.in, events)
		}
	}
}

func TestRetry(t *testing.T) {
	for _, tc := range []struct {
		in   time.Duration
		want string
	}{
		{2 * time.Second, "retry: 2000\n\n"}, {time.Millisecond, "retry: 1\n\n"}, {time.Millisecond - 1, ""}, {0, ""}, {-1, ""}, {-time.Hour, ""},
	} {
		if got := string(AppendRetry(nil, tc.in)); got != tc.want {
			t.Errorf("%v: %q", tc.in, got)
		}
	}
}

func TestPrime(t *testing.T) {
	for _, tc := range []struct {
		revision, id, want string
		err                error
	}{
		{"2025-11-25", "s_0", "id: s_0\nretry: 3000\ndata: \n\n", nil},
		{"2024-11-05", "s_0", "", nil},
		{"2025-03-26", "s_0", "", nil},
		{"2025-06-18", "s_0", "", nil},
		{"2026-07-28", "s_0", "", nil},
		{"", "s_0", "", nil},
		{"9", "s_0", "", nil},
		{"2025-11-25x", "s_0", "", nil},
		{"2025-11-25", "s\n0", "", ErrID},
		{"2025-06-18", "s\n0", "", nil},
	} {
		got, err := AppendPrime(nil, tc.revision, []byte(tc.id), 3*time.Second)
		if string(got) != tc.want || !errors.Is(err, tc.err) {
			t.Errorf("%q, %q: %q, %v", tc.revision, tc.id, got, err)
		}
		if Primes(tc.revision) != (tc.want != "" || tc.err != nil) {
			t.Errorf("Primes(%q) is %v", tc.revision, Primes(tc.revision))
		}
	}
}

// A line's end is found wherever it lies, whatever follows it.
func TestLineEnd(t *testing.T) {
	for n := range 1200 {
		b := bytes.Repeat([]byte("x"), n)
		if i := lineEnd(b); i != -1 {
			t.Fatalf("%d bytes: %d", n, i)
		}
		for _, end := range []string{"\n", "\r", "\r\n", "\n\r", "\nx\r", "\rx\n", "\r" + strings.Repeat("x", 500) + "\n"} {
			if i := lineEnd(append(b[:n:n], end...)); i != n {
				t.Fatalf("%d bytes, then %q: %d", n, end, i)
			}
		}
	}
}
