package fuzz_test

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/ringbuf"
	"github.com/gannetmcp/gannet/transports/sse"
)

// streamSeeds are event streams: each field, each line end, each way to be wrong.
var streamSeeds = []string{
	"", "\n", "data: a\n\n", "data\n\ndata\ndata\n\ndata:", "event: e\nid: i\nretry: 7\ndata: d\n\n",
	"data: a\r\rdata: b\r\n\r\ndata: c\n\r", "data:a\r\ndata:b\ndata:c\r\r\n", ":\n: c\n:data: x\ndata:  b\n\n",
	"\xEF\xBB\xBFdata: a\n\n", "\xEF\xBBdata: a\n\n", "\xEF\n\ndata: b\n\n", "\xEF\xBB\xBF\xEF\xBB\xBFdata: a\n\n",
	"id: 1\ndata: a\n\nid\ndata: b\n\nid: 2\x00\ndata: c\n\n", "id: 1\nid: \x002\ndata\n\n", "id: 1\n\ndata: b\n\n",
	"retry: 99999999999999999999\ndata\n\n", "retry: 3s\nretry: +3\nretry\ndata\n\n",
	"datax: a\ndat: b\n data: c\nData: d\ndata : e\nevents: f\nda\x00ta: g\ndata: h\n\n",
	"data: 0123456789abcdef\n\ndata: a\n\n", "data: 0123456789abcdefg\n\ndata: a\n\n", "data: 01234567\ndata: 89abcdef\nid: 7\n\ndata: a\n\n",
	"event: 0123456\n\nevent: 01234567\ndata: a\n\ndata: b\n\n", "id: 01234567\n\ndata: b\n\n", "id: 0123\x00456789\ndata\n\n", "id: 0123456789\x00\ndata\n\n",
}

// eventsOf is the oracle: the standard's algorithm on the whole stream, in the
// standard's order and by its names, with bounds on the data and on an id or a
// name. It returns the events in words, and the last event id.
func eventsOf(in string, maxData, maxField int) (events []string, lastID string) {
	in = strings.TrimPrefix(in, "\xEF\xBB\xBF")
	in = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(in)
	var data, eventType, idBuffer, retry string
	tooLong := false
	refuse := func() {
		if !tooLong {
			events, tooLong = append(events, "too long"), true
		}
	}
	for len(in) > 0 {
		line, rest, whole := strings.Cut(in, "\n")
		in = rest
		if line == "" {
			lastID = idBuffer
			if data != "" && !tooLong {
				events = append(events, fmt.Sprintf("%q %q %q %s", eventType, lastID, strings.TrimSuffix(data, "\n"), retry))
			}
			data, eventType, retry, tooLong = "", "", "", false
			continue
		}
		name, value, colon := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		if !whole && !colon {
			break // a name that is not complete
		}
		switch name {
		case "data":
			if len(data)+len(value) > maxData {
				refuse()
			}
			data += value + "\n"
		case "event":
			if len(value) > maxField {
				refuse()
			}
			eventType = value
		case "id":
			if before, _, _ := strings.Cut(value, "\x00"); len(before) > maxField {
				refuse()
			} else if whole && !strings.Contains(value, "\x00") {
				idBuffer = value
			}
		case "retry":
			if value != "" && strings.Trim(value, "0123456789") == "" {
				retry = strings.TrimLeft(value, "0")
				if n, err := strconv.ParseInt(value, 10, 64); err != nil || n > int64(1<<63-1)/int64(time.Millisecond) {
					retry = strconv.FormatInt(int64(1<<63-1)/int64(time.Millisecond), 10)
				}
			}
		}
	}
	return events, lastID
}

// pieces cuts in by the sizes in cuts, over and over.
func pieces(in, cuts []byte) (out [][]byte) {
	for i := 0; len(in) > 0; i++ {
		n := len(in)
		if len(cuts) > 0 {
			n = min(n, int(cuts[i%len(cuts)])+1)
		}
		out = append(out, bytes.Clone(in[:n]))
		in = in[n:]
	}
	return out
}

// readPieces feeds pieces to r, spoils each once it is taken in, and returns
// the events in the words of the oracle.
func readPieces(t *testing.T, r *sse.Reader, in [][]byte) (events []string) {
	for _, piece := range in {
		for p := piece; ; {
			ev, n, step := r.Next(p)
			if n > len(p) {
				t.Fatalf("took %d of %d bytes", n, len(p))
			}
			p = p[n:]
			if step == sse.More {
				if len(p) > 0 {
					t.Fatalf("%d bytes left over", len(p))
				}
				break
			}
			if step == sse.TooLong {
				events = append(events, "too long")
				continue
			}
			if cap(ev.Data) > len(ev.Data) && cap(ev.Data) < ringbuf.MinBuffer {
				t.Fatalf("%d bytes of data reach %d bytes further", len(ev.Data), cap(ev.Data)-len(ev.Data))
			}
			retry := ""
			if ms := ev.Retry.Milliseconds(); ms > 0 {
				retry = strconv.FormatInt(ms, 10)
			}
			events = append(events, fmt.Sprintf("%q %q %q %s", ev.Name, ev.ID, ev.Data, retry))
		}
		for k := range piece {
			piece[k] = 0xCC // nothing may still alias it
		}
	}
	return events
}

// FuzzEventStream checks that a stream means the same events however it is
// cut, as the oracle has it; that one buffer at most is held meanwhile; and
// that nothing is left when the stream ends.
func FuzzEventStream(f *testing.F) {
	for _, in := range streamSeeds {
		f.Add([]byte(in), []byte{}, uint16(1<<15), uint16(1<<15))
		f.Add([]byte(in), []byte{0}, uint16(15), uint16(6))
		f.Add([]byte(in), []byte{3, 0, 7}, uint16(15), uint16(6))
		f.Add([]byte(in), []byte{255}, uint16(0), uint16(0))
	}
	pool := ringbuf.NewPool(ringbuf.PoolOptions{})
	f.Fuzz(func(t *testing.T, in, cuts []byte, data, field uint16) {
		o := sse.ReaderOptions{MaxDataBytes: int(data) + 1, MaxFieldBytes: int(field) + 1}
		want, wantID := eventsOf(string(in), o.MaxDataBytes, o.MaxFieldBytes)
		before := pool.Stats().Outstanding
		var r sse.Reader
		r.Init(pool, o)
		got := readPieces(t, &r, pieces(in, cuts))
		if held := pool.Stats().Outstanding - before; held > 1 || held == 1 && !r.Pending() {
			t.Fatalf("%d buffers held, an event begun: %v", held, r.Pending())
		}
		r.Release()
		if held := pool.Stats().Outstanding - before; held != 0 || r.Pending() {
			t.Fatalf("%d buffers left", held)
		}
		if !slices.Equal(got, want) || string(r.LastEventID()) != wantID {
			t.Fatalf("limits %+v, cuts %v:\n got %.500q, id %q\nwant %.500q, id %q", o, cuts, got, r.LastEventID(), want, wantID)
		}
	})
}

// FuzzEventRoundTrip checks that what is written has the size that was said,
// and is read, however cut and between a priming event and a comment, as it was
// meant: the data line by line, the rest exactly. What cannot be written is
// refused, and only that.
func FuzzEventRoundTrip(f *testing.F) {
	for _, data := range []string{"", "{}", "a\nb", "a\rb", "a\r\nb", "\r\r\n\n\r", " a", "a\n", "data: x\n\nid: y", "\x00\xff", strings.Repeat("x", 127) + "\r\n"} {
		f.Add([]byte("message"), []byte("s_1"), []byte(data), int64(1500), []byte{})
		f.Add([]byte(""), []byte(""), []byte(data), int64(0), []byte{0})
	}
	for _, bad := range []string{"a\n", "\r", "a\x00b", "\n\ndata: forged\n\n"} {
		f.Add([]byte(bad), []byte("s_1"), []byte("{}"), int64(-1), []byte{2})
		f.Add([]byte("message"), []byte(bad), []byte("{}"), int64(1<<62), []byte{2})
	}
	pool := ringbuf.NewPool(ringbuf.PoolOptions{})
	f.Fuzz(func(t *testing.T, name, id, data []byte, retry int64, cuts []byte) {
		e := sse.Event{Name: name, ID: id, Data: data, Retry: time.Duration(retry)}
		prefix, err := sse.AppendPrime(nil, "2025-11-25", []byte("s_0"), 0)
		if err != nil {
			t.Fatal(err)
		}
		out, err := e.Append(bytes.Clone(prefix))
		refused := bytes.ContainsAny(name, "\r\n") || bytes.ContainsAny(id, "\r\n\x00")
		if (err != nil) != refused {
			t.Fatalf("name %q, id %q: %v", name, id, err)
		}
		if err != nil {
			if !bytes.Equal(out, prefix) {
				t.Fatalf("%q beside an error", out)
			}
			return
		}
		if e.Size() != len(out)-len(prefix) {
			t.Fatalf("size %d of %d", e.Size(), len(out)-len(prefix))
		}
		before := len(out)
		if out = sse.AppendComment(out, data); sse.CommentSize(data) != len(out)-before {
			t.Fatalf("comment of size %d is said to have %d", len(out)-before, sse.CommentSize(data))
		}
		wantID, wantRetry := "s_0", ""
		if len(id) > 0 {
			wantID = string(id)
		}
		if ms := retry / int64(time.Millisecond); ms > 0 {
			wantRetry = strconv.FormatInt(ms, 10)
		}
		lines := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(data))
		want := []string{`"" "s_0" "" `, fmt.Sprintf("%q %q %q %s", name, wantID, lines, wantRetry)}
		var r sse.Reader
		r.Init(pool, sse.ReaderOptions{MaxFieldBytes: 1 << 20})
		if got := readPieces(t, &r, pieces(out, cuts)); !slices.Equal(got, want) {
			t.Fatalf("%q:\n got %q\nwant %q", out, got, want)
		}
		r.Release()
	})
}

var eventID = regexp.MustCompile(`^[!-~]{1,64}_(0|[1-9][0-9]{0,19})$`)

// FuzzEventID checks that an id is taken just where a regular expression and
// strconv take it, and that the parts make the same id again.
func FuzzEventID(f *testing.F) {
	long := strings.Repeat("x", sse.MaxStreamBytes)
	for _, id := range []string{
		"", "_", "a", "a_", "_1", "__1", "a_0", "a_00", "a_01", "a_1_2", "a_-1", "a_+1", "a_1 ", "a b_1", "a\x00_1", "\xff_1",
		"a_18446744073709551615", "a_18446744073709551616", "a_99999999999999999999", "a_184467440737095516150", long + "_1", long + "x_1", long + "_18446744073709551615",
	} {
		f.Add([]byte(id))
	}
	f.Fuzz(func(t *testing.T, id []byte) {
		name, seq, err := sse.ParseID(id)
		want := eventID.Match(id)
		if want {
			_, numErr := strconv.ParseUint(string(id[bytes.LastIndexByte(id, '_')+1:]), 10, 64)
			want = numErr == nil
		}
		if want != (err == nil) {
			t.Fatalf("%q: %v", id, err)
		}
		if err != nil {
			if name != nil || seq != 0 {
				t.Fatalf("%q, %d beside an error", name, seq)
			}
			return
		}
		stream, err := sse.ParseStream(name)
		if again := stream.AppendID(nil, seq); err != nil || !bytes.Equal(again, id) {
			t.Fatalf("%q became %q (%v)", id, again, err)
		}
	})
}
