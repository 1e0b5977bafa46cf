package load

import (
	"bytes"
	"testing"
)

// outcome is what one connection has made of its input.
type outcome struct {
	good, slow, reordered, notes int64
	errors                       Errors
	inFlight                     int
}

// feed gives b in pieces to a connection with 16 pings in flight, each piece
// through the tail that receive keeps.
func feed(s *stage, pieces ...[]byte) outcome {
	s.tally = newTally(1, false)
	c := &conn{window: newWindow(16, 1, 1, false)}
	for range 16 {
		c.window.give(0, 0, 0)
	}
	var held []byte
	for _, p := range pieces {
		held = append(held, p...)
		n, err := c.consume(s, held, 1)
		if err != nil {
			panic(err)
		}
		held = held[n:]
	}
	t := s.tally
	return outcome{t.good, t.slow, t.reordered, t.notes, t.errors, c.window.inFlight}
}

func pingStage(t testing.TB) *stage {
	tm := mustTemplate(t, Options{})
	sh, err := learnShape(tm, []byte(`{"jsonrpc":"2.0","id":1000000000,"result":{}}`+"\n"), firstID)
	if err != nil {
		t.Fatal(err)
	}
	return newStage([]*shape{sh}, newTally(1, false), 1)
}

const mixed = `{"jsonrpc":"2.0","id":1000000000,"result":{}}` + "\n" +
	`{"jsonrpc":"2.0","method":"notifications/message"}` + "\r\n\n" +
	`{"jsonrpc":"2.0","id":1000000003,"result":{}}` + "\n" +
	`{"id":1000000001,"jsonrpc":"2.0","result":{}}` + "\n" +
	`{"jsonrpc":"2.0","id":1000000001,"result":{}}` + "\n" +
	`{"jsonrpc":"2.0","id":1000000099,"result":{}}` + "\n" +
	`{"jsonrpc":"2.0","id":1000000002,"error":{"code":1,"message":""}}` + "\n" +
	"what?\n"

// TestConsumeSplit gives one input whole, byte by byte, and cut at each place.
func TestConsumeSplit(t *testing.T) {
	s := pingStage(t)
	want := outcome{good: 3, slow: 1, reordered: 1, notes: 1, inFlight: 12,
		errors: Errors{DuplicateID: 1, UnknownID: 1, RPC: 1, Malformed: 1}}
	in := []byte(mixed)
	if got := feed(s, in); got != want {
		t.Errorf("whole: %+v, want %+v", got, want)
	}
	var single [][]byte
	for i := range in {
		single = append(single, in[i:i+1])
	}
	if got := feed(s, single...); got != want {
		t.Errorf("byte by byte: %+v", got)
	}
	for i := range in {
		if got := feed(s, in[:i], in[i:]); got != want {
			t.Errorf("cut at %d: %+v", i, got)
		}
	}
}

// FuzzConsume: any two cuts of any input give the same counts, and what was in
// flight is answered at most once.
func FuzzConsume(f *testing.F) {
	f.Add([]byte(mixed), uint16(10), uint16(60))
	f.Add([]byte("\n\n{}\n[\n\x00"), uint16(1), uint16(2))
	f.Fuzz(func(t *testing.T, in []byte, i, j uint16) {
		s := pingStage(t)
		a := min(int(i), len(in))
		b := a + min(int(j), len(in)-a)
		whole := feed(s, bytes.Clone(in))
		if cut := feed(s, in[:a], in[a:b], in[b:]); cut != whole {
			t.Errorf("cut at %d and %d: %+v; whole: %+v", a, b, cut, whole)
		}
		if e := whole.errors; whole.good+e.RPC+e.Tool+e.Payload+int64(whole.inFlight) != 16 {
			t.Errorf("16 were in flight: %+v", whole)
		}
	})
}
