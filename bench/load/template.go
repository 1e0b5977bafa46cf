package load

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// Ids have ten digits from the first to the last, so that every request of a
// run has one length and only digits change in it. A connection would need
// nine thousand million requests to run out.
const (
	idDigits = 10
	firstID  = 1_000_000_000
	lastID   = 9_999_999_999
)

// maxBatch bounds the bytes handed to one write.
const maxBatch = 1 << 20

// A template is one request, all of it but the digits of its id. It does not
// change once made.
type template struct {
	method string
	line   []byte // a request with firstID, newline included
	idAt   int    // where the digits are
	text   string // what the tool is to return; of raw, what follows the digits
}

// newTemplate makes the request that the options describe.
func newTemplate(o *Options) (*template, error) {
	id := strconv.Itoa(firstID)
	t := &template{method: o.Method}
	switch o.Method {
	case MethodPing:
		t.line = []byte(`{"jsonrpc":"2.0","id":` + id + `,"method":"ping"}` + "\n")
	case MethodCall:
		tool, err := json.Marshal(o.Tool)
		if err != nil {
			return nil, usagef("tool: %v", err)
		}
		extra := o.ArgsExtra
		if extra != "" {
			extra = "," + extra
		}
		head := `{"jsonrpc":"2.0","id":` + id + `,"method":"tools/call","params":{"name":` + string(tool) + `,"arguments":{"text":"`
		tail := `"` + extra + "}}}\n"
		n := o.Size - len(head) - len(tail)
		if n < 1 {
			return nil, usagef("size: a call with one byte of text has %d bytes, not %d", len(head)+len(tail)+1, o.Size)
		}
		t.text = filler(n)
		t.line = []byte(head + t.text + tail)
	case MethodRaw:
		n := o.Size - idDigits - 1
		if n < 0 {
			return nil, usagef("size: a raw line has at least %d bytes, not %d", idDigits+1, o.Size)
		}
		t.text = filler(n)
		t.line = []byte(id + t.text + "\n")
	default:
		return nil, usagef("method %.60q is none of ping, call, raw", o.Method)
	}
	t.idAt = bytes.Index(t.line, []byte(id))
	return t, nil
}

// filler returns n bytes of plain text: no byte that JSON escapes.
func filler(n int) string {
	const words = "the northern gannet plunges from thirty metres and meets the sea at a hundred kilometres an hour, wings folded; "
	return string(bytes.Repeat([]byte(words), n/len(words)+1)[:n])
}

// batch returns a buffer of copies of the request, as many as depth but no more
// bytes than maxBatch (and at least one copy). The caller owns it.
func (t *template) batch(depth int) []byte {
	return bytes.Repeat(t.line, max(1, min(depth, maxBatch/len(t.line))))
}

// putID writes the ten digits of id to b[:idDigits]. Hot path.
func putID(b []byte, id uint64) {
	_ = b[idDigits-1]
	for i := idDigits - 2; i >= 0; i -= 2 {
		q := id / 100
		r := (id - q*100) * 2
		b[i], b[i+1] = pairs[r], pairs[r+1]
		id = q
	}
}

// pairs are the numbers 00 to 99.
const pairs = "00010203040506070809" + "10111213141516171819" + "20212223242526272829" + "30313233343536373839" +
	"40414243444546474849" + "50515253545556575859" + "60616263646566676869" + "70717273747576777879" +
	"80818283848586878889" + "90919293949596979899"

// getID reads ten digits; ok is false if b begins otherwise. Hot path.
func getID(b []byte) (id uint64, ok bool) {
	if len(b) < idDigits {
		return 0, false
	}
	for _, c := range b[:idDigits] {
		c -= '0'
		if c > 9 {
			return 0, false
		}
		id = id*10 + uint64(c)
	}
	return id, true
}
