//go:build !race

package codec

import (
	"math"
	"strconv"
	"testing"
	"unsafe"

	"github.com/gannetmcp/gannet/ringbuf"
)

// TestAllocs holds the hot path to no allocation at all. What is reused, as a
// Message or dst, is warmed by one run before.
func TestAllocs(t *testing.T) {
	p := NewParser(Limits{})
	var m, other Message
	none := func(name string, op func()) {
		t.Run(name, func(t *testing.T) {
			if n := testing.AllocsPerRun(100, op); n != 0 {
				t.Errorf("%v allocations, want 0", n)
			}
		})
	}
	for _, f := range fixtures {
		none("Parse/"+f.name, func() {
			if err := p.Parse(&m, f.text); err != nil || m.Kind() != f.kind {
				t.Error(f.name, err)
			}
		})
	}

	bad := []struct{ name, text string }{
		{"syntax", `{"jsonrpc":"2.0","id":1,"method":}`}, {"end", `{"jsonrpc":"2.0",`}, {"utf8", "{\"a\":\"\xff\"}"}, {"invalid", `{"jsonrpc":"2.0","id":1}`},
		{"params", `{"jsonrpc":"2.0","id":1,"method":"m","params":[]}`}, {"id", `{"jsonrpc":"2.0","id":1.5,"method":"m"}`}, {"twice", `{"id":1,"id":2}`},
		{"depth", `{"a":` + string(deepArrays(200)) + `}`}, {"scalar", `17`},
	}
	reply := make([]byte, 0, 512)
	for _, tc := range bad {
		text := []byte(tc.text)
		none("Refuse/"+tc.name, func() {
			err := p.Parse(&m, text)
			if err == nil {
				t.Error(tc.name, "was accepted")
				return
			}
			reply = AppendErrorReply(reply[:0], m.ID(), NoIDNull, err.(*Error))
		})
	}

	if strconv.IntSize == 64 {
		// Refused before a byte is read, so one byte will do.
		n := uint(math.MaxInt32)
		large := unsafe.Slice(new(byte), n+1)
		none("Refuse/large", func() {
			err := p.Parse(&m, large)
			if e, isError := err.(*Error); !isError || e.Code != CodeInvalidRequest || e.Limit != math.MaxInt32 || e.Unit != "bytes" {
				t.Error("2 GiB:", err)
			}
		})
		m = Message{}
	}

	batch := []byte(`[{"jsonrpc":"2.0","method":"a"}, 1, {"jsonrpc":"2.0","id":"x","method":"b\u0062","params":{"\u0061":1}}]`)
	none("Batch", func() {
		if err := p.Parse(&m, batch); err != nil {
			t.Error(err)
		}
		n := 0
		for it := m.Batch(); ; n++ {
			raw, more := it.Next()
			if !more {
				break
			}
			_ = p.Parse(&other, raw)
		}
		if n != 3 || string(other.Method()) != "bb" {
			t.Error(n, "messages of 3 in the batch")
		}
	})

	var params, copied Message
	text := []byte(`{"jsonrpc":"2.0","id":1,"method":"m\u0065","params":{"s":"plain","e":"a\n\u00e9\ud83d\ude00","i":-42,"u":18446744073709551615,"f":0.1,"t":true,"o":{"k":{"l":[1,"x",null]}},"\u0065sc":1}}`)
	if err := p.Parse(&params, text); err != nil {
		t.Fatal(err)
	}
	member := func(name string) Value {
		v, found := params.Params().Get(name)
		if !found {
			t.Error(name, "not found")
		}
		return v
	}
	check := func(good bool, err error) {
		if !good || err != nil {
			t.Error("wrong value or error:", err)
		}
	}
	arena := ringbuf.NewArena(ringbuf.NewPool(ringbuf.PoolOptions{}), 0)
	none("ParseValue", func() { _, err := ParseValue(text); check(true, err) })
	none("Get", func() { check(string(member("esc").Raw()) == "1", nil) })
	none("Int64", func() { n, err := member("i").Int64(); check(n == -42, err) })
	none("Uint64", func() { n, err := member("u").Uint64(); check(n == 1<<64-1, err) })
	none("Float64", func() { f, err := member("f").Float64(); check(f == 0.1, err) })
	none("Bool", func() { b, err := member("t").Bool(); check(b, err) })
	none("Bytes/plain", func() { b, err := member("s").Bytes(arena); check(string(b) == "plain", err) })
	none("Bytes/escaped", func() {
		b, err := member("e").Bytes(arena)
		check(string(b) == "a\né😀", err)
		arena.Reset()
	})
	none("EqualString", func() { check(member("e").EqualString("a\né😀"), nil) })
	none("Runes", func() { check(member("e").Runes() == 4, nil) })
	dst := make([]byte, 0, 512)
	none("AppendTo", func() {
		b, err := member("e").AppendTo(dst[:0])
		check(string(b) == "a\né😀", err)
	})
	none("Wrong", func() {
		_, err := member("s").Int64()
		check(err == ErrNotInteger, nil)
		_, err = member("i").Bytes(arena)
		check(err == ErrNotString, nil)
	})
	none("Members", func() {
		n := 0
		for it := params.Params().Members(); ; n++ {
			if _, _, more := it.Next(); !more {
				break
			}
		}
		check(n == 8 && params.Params().Len() == 8, nil)
	})
	none("Elements", func() {
		k, _ := member("o").Object().Get("k")
		l, _ := k.Object().Get("l")
		check(l.Array().Len() == 3, nil)
	})
	none("CopyTo", func() {
		params.CopyTo(&copied)
		copied.Rebase(text)
		check(string(copied.Method()) == "me", nil)
	})

	id := RawID([]byte(`"id-1"`))
	none("AppendResultHead", func() { dst = AppendResultHead(dst[:0], id) })
	none("AppendRequestHead", func() { dst = AppendRequestHead(dst[:0], id, "tools/call") })
	none("AppendNotificationHead", func() { dst = AppendNotificationHead(dst[:0], "notifications/progress") })
	none("AppendError", func() { dst = AppendError(dst[:0], id, NoIDNull, CodeInvalidParams, "no \"name\"", nil) })
	none("AppendString", func() { dst = AppendString(dst[:0], "a\n\"é\xff😀\x01") })
	none("AppendStringBytes", func() { dst = AppendStringBytes(dst[:0], text[:40]) })
	none("AppendInt", func() { dst = AppendInt(dst[:0], -1<<63) })
	none("AppendUint", func() { dst = AppendUint(dst[:0], 1<<64-1) })
	none("AppendFloat", func() { dst = AppendFloat(AppendFloat(dst[:0], 0.1), 1e-9) })
}

func deepArrays(n int) []byte {
	b := make([]byte, 0, 2*n)
	for range n {
		b = append(b, '[')
	}
	for range n {
		b = append(b, ']')
	}
	return b
}
