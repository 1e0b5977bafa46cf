package load

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"math/rand/v2"
	"strconv"
	"strings"
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
	name   string
	method string
	weight int
	check  string
	line   []byte // a request with firstID, newline included
	idAt   int    // where the digits are
	wire   []byte // what is sent behind a connection's lead
	wireID int    // where the digits are in wire
	fields []byte // of HTTP/2: the header fields that are this request's alone, encoded
	text   string // what the tool is to return; of raw, what follows the digits
	mcp    string // the method on the wire; "" of raw
	tool   string // the name that the header Mcp-Name repeats; "" where there is none
}

// checkRaw is how lines are checked that come back byte by byte.
const checkRaw = "raw"

// newTemplates makes the requests that the options describe, one for each kind.
func newTemplates(o *Options) ([]*template, error) {
	if len(o.Messages) == 0 {
		t, err := newTemplate(o)
		return []*template{t}, err
	}
	var all []*template
	for _, m := range o.Messages {
		if err := m.complete(); err != nil {
			return nil, err
		}
		t := &template{name: m.Name, method: m.Method, weight: m.Weight, check: m.Check, mcp: m.Method}
		var params struct{ Name, URI string }
		_ = json.Unmarshal(m.Params, &params) // complete has checked that it is an object
		t.tool = params.Name
		if m.Method == "resources/read" {
			t.tool = params.URI
		}
		if m.Check == CheckEcho {
			t.text = m.echoText()
		}
		body := `{"jsonrpc":"2.0","id":` + strconv.Itoa(firstID) + `,"method":"` + m.Method + `"`
		if p := string(o.params(m.Params)); p != "" {
			body += `,"params":` + p
		}
		t.line = []byte(body + "}\n")
		t.idAt = bytes.Index(t.line, []byte(strconv.Itoa(firstID)))
		t.wire, t.wireID = t.line, t.idAt
		all = append(all, t)
	}
	return all, nil
}

// params are the parameters of a request as the revision wants them.
func (o *Options) params(p json.RawMessage) string {
	if o.modern() {
		return withMeta(p, o.Revision)
	}
	return string(p)
}

// newTemplate makes the request of Options.Method.
func newTemplate(o *Options) (*template, error) {
	id := strconv.Itoa(firstID)
	t := &template{name: o.Method, method: o.Method, weight: 1, check: CheckResult}
	meta := ""
	if o.modern() && o.Method != MethodRaw {
		meta = o.params(nil)
	}
	switch o.Method {
	case MethodPing:
		t.mcp = "ping"
		if meta != "" {
			meta = `,"params":` + meta
		}
		t.line = []byte(`{"jsonrpc":"2.0","id":` + id + `,"method":"ping"` + meta + "}\n")
	case MethodCall:
		tool, err := json.Marshal(o.Tool)
		if err != nil {
			return nil, usagef("tool: %v", err)
		}
		extra := o.ArgsExtra
		if extra != "" {
			extra = "," + extra
		}
		if meta != "" {
			meta = "," + strings.TrimSuffix(strings.TrimPrefix(meta, "{"), "}")
		}
		head := `{"jsonrpc":"2.0","id":` + id + `,"method":"tools/call","params":{"name":` + string(tool) + `,"arguments":{"text":"`
		tail := `"` + extra + "}" + meta + "}}\n"
		n := o.Size - len(head) - len(tail)
		if n < 1 {
			return nil, usagef("size: a call with one byte of text has %d bytes, not %d", len(head)+len(tail)+1, o.Size)
		}
		t.text = filler(n)
		t.line = []byte(head + t.text + tail)
		t.check, t.mcp, t.tool = CheckEcho, "tools/call", o.Tool
	case MethodRaw:
		n := o.Size - idDigits - 1
		if n < 0 {
			return nil, usagef("size: a raw line has at least %d bytes, not %d", idDigits+1, o.Size)
		}
		t.text = filler(n)
		t.line = []byte(id + t.text + "\n")
		t.check = checkRaw
	default:
		return nil, usagef("method %.60q is none of ping, call, raw", o.Method)
	}
	t.idAt = bytes.Index(t.line, []byte(id))
	t.wire, t.wireID = t.line, t.idAt
	return t, nil
}

// dress makes what is sent of the request: the line, or the rest of a POST.
func (t *template) dress(where *target, o *Options) {
	if !where.http && !where.ws && !where.h2 {
		return
	}
	body := bytes.TrimSuffix(t.line, []byte("\n"))
	if where.ws {
		t.wire = body
		return
	}
	if where.h2 {
		t.wire = body
		if o.modern() {
			t.fields = appendLiteral(t.fields, "mcp-method", t.mcp)
			if t.tool != "" {
				t.fields = appendLiteral(t.fields, "mcp-name", headerValue(t.tool))
			}
		}
		t.fields = appendLength(t.fields, len(body))
		return
	}
	head := ""
	if o.modern() {
		head = "Mcp-Method: " + t.mcp + "\r\n"
		if t.tool != "" {
			head += "Mcp-Name: " + headerValue(t.tool) + "\r\n"
		}
	}
	head += "Content-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n"
	t.wire, t.wireID = append([]byte(head), body...), len(head)+t.idAt
}

// headerValue is a name as a header carries it: encoded where it is not plain.
func headerValue(s string) string {
	for _, c := range []byte(s) {
		if c < ' ' || c > '~' {
			return "=?base64?" + base64.StdEncoding.EncodeToString([]byte(s)) + "?="
		}
	}
	return s
}

// picks is the order in which the kinds of a mix are sent, over and over: each
// as often as its weight says, shuffled by a fixed seed, so that runs compare.
func picks(all []*template) []uint8 {
	var order []uint8
	for i, t := range all {
		for range t.weight {
			order = append(order, uint8(i))
		}
	}
	rng := rand.New(rand.NewPCG(1, 2))
	rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	return order
}

// filler returns n bytes of plain text: no byte that JSON escapes.
func filler(n int) string {
	const words = "the northern gannet plunges from thirty metres and meets the sea at a hundred kilometres an hour, wings folded; "
	return string(bytes.Repeat([]byte(words), n/len(words)+1)[:n])
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
