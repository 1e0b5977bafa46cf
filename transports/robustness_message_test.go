package transports

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/gannetmcp/gannet/bench/message"
	"github.com/gannetmcp/gannet/engine"
)

// reply is an answer as a peer sees it.
type reply struct {
	ID    json.RawMessage
	Error *struct {
		Code    int
		Message string
		Data    json.RawMessage
	}
	Result json.RawMessage
}

func (p *peer) reply() reply {
	p.t.Helper()
	var r reply
	l := p.line()
	if err := json.Unmarshal([]byte(l), &r); err != nil || (r.Error == nil) == (r.Result == nil) || !utf8.ValidString(l) {
		p.t.Fatalf("no answer: %.300q (%v)", l, err)
	}
	return r
}

// inStep checks that the next message is answered, after nothing but errors
// with one of codes, and returns how many these were.
func (p *peer) inStep(codes ...int) (refusals int) {
	p.t.Helper()
	p.send(req(`"in step"`, "ping", ""))
	for {
		r := p.reply()
		if r.Error == nil {
			if string(r.ID) != `"in step"` {
				p.t.Fatalf("a result for %s", r.ID)
			}
			return refusals
		}
		ok := false
		for _, c := range codes {
			ok = ok || r.Error.Code == c
		}
		if !ok {
			p.t.Fatalf("code %d (%s), want one of %v", r.Error.Code, r.Error.Message, codes)
		}
		refusals++
	}
}

func messageRows() []robustnessRow {
	return []robustnessRow{
		{n: 1, name: "cut_at_every_byte", run: func(t *testing.T, s *Server) {
			p := dial(t, s)
			m := req(1, "echo", `{"text":"grüße, 世界 \"\\\n😀"}`)
			want := res(1, m[strings.Index(m, `"params":`)+len(`"params":`):len(m)-2])
			for i := range len(m) - 1 {
				turns := s.Snapshot().Engine.Turns
				p.send(m[:i])
				for i > 0 && s.Snapshot().Engine.Turns == turns {
					time.Sleep(100 * time.Microsecond) // until it has been read, by itself most likely
				}
				p.send(m[i:])
				p.want(want)
			}
		}},
		{n: 3, name: "5000_pings_in_one_write", run: func(t *testing.T, s *Server) {
			p := dial(t, s)
			const n = 5000
			var b strings.Builder
			for i := range n {
				b.WriteString(req(i, "ping", ""))
			}
			go func() { _, _ = p.Write([]byte(b.String())) }()
			seen := make(map[string]bool)
			for range n {
				l := p.line()
				if seen[l] {
					t.Fatalf("%s twice", l)
				}
				seen[l] = true
			}
			for i := range n {
				if !seen[res(i, "{}")] {
					t.Fatalf("id %d not answered", i)
				}
			}
		}},
		{n: 7, name: "message_without_end", o: Options{Engine: engine.Options{MaxMessageBytes: 1 << 20}}, run: func(t *testing.T, s *Server) {
			for name, head := range map[string]string{
				"bare": "", "in a string": `{"jsonrpc":"2.0","id":1,"method":"echo","params":{"text":"`, "white space": " ",
			} {
				p := dial(t, s)
				fill := []byte(strings.Repeat("x", 64<<10))
				if name == "white space" {
					fill = []byte(strings.Repeat(" ", 64<<10))
				}
				bounded(t, 16<<20, func() {
					p.send(head)
					for range (64 << 20) / len(fill) {
						if _, err := p.Write(fill); err != nil {
							t.Fatalf("%s: %v", name, err)
						}
					}
				})
				r := p.reply()
				if r.Error == nil || r.Error.Code != -32600 || string(r.ID) != "null" || string(r.Error.Data) != `{"limit":1048576,"unit":"bytes"}` {
					t.Errorf("%s: %+v", name, r)
				}
				p.send("\n")
				if n := p.inStep(); n != 0 {
					t.Errorf("%s: %d refusals more", name, n)
				}
			}
		}},
		{n: 8, name: "nesting_of_100000", run: func(t *testing.T, s *Server) {
			p := dial(t, s)
			open, shut := strings.Repeat("[", 100_000), strings.Repeat("]", 100_000)
			objects := strings.Repeat(`{"a":`, 100_000)
			for _, m := range []string{
				open, open + shut, objects, objects + "1" + strings.Repeat("}", 100_000),
				strings.TrimSpace(req(1, "echo", open+shut)), strings.TrimSpace(req(1, "echo", objects+"1"+strings.Repeat("}", 100_000))),
			} {
				begin := time.Now()
				p.send(m + "\n")
				if n := p.inStep(-32600, -32700); n != 1 {
					t.Errorf("%.40s: %d refusals, want 1", m, n)
				}
				if d := time.Since(begin); d > time.Second {
					t.Errorf("%.40s: took %v", m, d)
				}
			}
		}},
		{n: 9, name: "8_KB_of_open_brackets", run: func(t *testing.T, s *Server) {
			p := dial(t, s)
			const times = 1000
			m := strings.Repeat("[", 8<<10) + "\n"
			begin := time.Now()
			go func() {
				for range times {
					if _, err := p.Write([]byte(m)); err != nil {
						return
					}
				}
			}()
			for range times {
				if r := p.reply(); r.Error == nil || len(r.Error.Message) > 200 {
					t.Fatalf("%+v", r)
				}
			}
			if d := time.Since(begin) / times; d > time.Millisecond {
				t.Errorf("each took %v", d)
			}
			p.inStep()
		}},
		{n: 10, name: "no_JSON", run: func(t *testing.T, s *Server) {
			utf16 := []byte{0xff, 0xfe}
			for _, c := range strings.TrimSpace(req(1, "ping", "")) {
				utf16 = binary.LittleEndian.AppendUint16(utf16, uint16(c))
			}
			for name, m := range map[string]string{
				"words":      "hello, world",
				"two values": `{"jsonrpc":"2.0","id":1,"method":"ping"} {"jsonrpc":"2.0","id":2,"method":"ping"}`,
				"BOM":        "\ufeff" + strings.TrimSpace(req(1, "ping", "")),
				"UTF-16":     string(utf16),
				"TLS hello":  "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + strings.Repeat("\x9b\x00\xfe", 100),
				"HTTP":       "GET / HTTP/1.1\r\nHost: localhost",
				"NUL":        strings.TrimSpace(req(1, "ping", "")) + "\x00",
				"half":       `{"jsonrpc":"2.0","id":1,`,
				"comment":    "// " + req(1, "ping", ""),
				"control":    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\",\"params\":{\"a\":\"\x01\"}}",
			} {
				p := dial(t, s)
				p.send(m + "\n")
				if n := p.inStep(-32700); n < 1 || n > 1+strings.Count(m, "\n") {
					t.Errorf("%s: %d refusals", name, n)
				}
			}
		}},
		{n: 11, name: "no_request", run: func(t *testing.T, s *Server) {
			p := dial(t, s)
			for m, id := range map[string]string{
				`1`:    "null",
				`null`: "null",
				`"x"`:  "null",
				`{}`:   "null",
				`[]`:   "null",
				`{"jsonrpc":"1.0","id":7,"method":"ping"}`:              "7",
				`{"id":7,"method":"ping"}`:                              "7",
				`{"jsonrpc":2.0,"id":7,"method":"ping"}`:                "7",
				`{"jsonrpc":"2.0","id":{},"method":"ping"}`:             "null",
				`{"jsonrpc":"2.0","id":[1],"method":"ping"}`:            "null",
				`{"jsonrpc":"2.0","id":true,"method":"ping"}`:           "null",
				`{"jsonrpc":"2.0","id":7,"method":5}`:                   "7",
				`{"jsonrpc":"2.0","id":7,"method":null}`:                "7",
				`{"jsonrpc":"2.0","id":7}`:                              "7",
				`{"jsonrpc":"2.0","id":7,"method":"ping","params":"x"}`: "7",
			} {
				p.send(m + "\n")
				r := p.reply()
				if r.Error == nil || r.Error.Code != -32600 && r.Error.Code != -32602 || string(r.ID) != id {
					t.Errorf("%s: id %s, %+v; want -32600 for %s", m, r.ID, r.Error, id)
				}
			}
			p.inStep()
		}},
		{n: 12, name: "ids_echoed_exactly", run: func(t *testing.T, s *Server) {
			p := dial(t, s)
			for _, method := range []string{"echo", "pool", "no such"} {
				for _, id := range []string{
					"9007199254740993", "9223372036854775807", "-9223372036854775808", "0", "-1",
					`""`, `" "`, `"\""`, `"\\\/\b\f\n\r\t"`, `"\u00e9"`, `"é"`, `"\ud83d\ude00"`, `"😀"`, `"\u0000"`,
					`"` + strings.Repeat("i", 5<<10) + `"`,
				} {
					p.send(req(id, method, ""))
					want := fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,`, id)
					if got := p.line(); !strings.HasPrefix(got, want) || len(got) > len(want)+100 {
						t.Errorf("%s: got %.200s, want id %.100s", method, got, id)
					}
				}
			}
		}},
		{n: 13, name: "numbers", run: func(t *testing.T, s *Server) {
			p := dial(t, s)
			for _, n := range []string{"1e400", "-1e400", "1e99999999999", "1e-99999999999", strings.Repeat("9", 50_000), "0." + strings.Repeat("3", 50_000)} {
				begin := time.Now()
				params := `{"n":` + n + `}`
				p.send(req(1, "echo", params))
				r := p.reply()
				if r.Error == nil && string(r.Result) != params {
					t.Errorf("%.40s: result %.100s", n, r.Result)
				}
				if r.Error != nil && r.Error.Code != -32600 && r.Error.Code != -32700 {
					t.Errorf("%.40s: %+v", n, r.Error)
				}
				if d := time.Since(begin); d > time.Second {
					t.Errorf("%.40s: took %v", n, d)
				}
			}
			p.inStep()
		}},
		{n: 14, name: "ill_formed_UTF-8", run: func(t *testing.T, s *Server) {
			p := dial(t, s)
			for _, bad := range []string{
				"\x80", "\xc0\xaf", "\xc1\xbf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x80\x80\xaf",
				"\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "\xff", "\xfe", "\xc3", "\xe4\xb8", "\xf0\x9f\x98",
			} {
				for where, m := range map[string]string{
					"params": req(1, "echo", `{"text":"a`+bad+`b"}`),
					"id":     req(`"`+bad+`"`, "echo", ""),
					"method": req(1, "ec"+bad+"ho", ""),
					"key":    req(1, "echo", `{"a`+bad+`":1}`),
				} {
					p.send(m)
					if r := p.reply(); r.Error == nil || r.Error.Code != -32700 { // reply checks that it is well-formed
						t.Errorf("%q in the %s: %+v", bad, where, r)
					}
				}
			}
			p.inStep()
		}},
		{n: 15, name: "duplicate_keys", run: func(t *testing.T, s *Server) {
			messages := []string{
				`{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}`,
				`{"jsonrpc":"2.0","id":1,"method":"ping","method":"echo"}`,
				`{"jsonrpc":"2.0","id":1,"method":"echo","params":{"a":1},"params":{"b":2}}`,
				`{"jsonrpc":"2.0","jsonrpc":"1.0","id":1,"method":"ping"}`,
				`{"jsonrpc":"2.0","id":1,"method":"ping","i\u0064":2}`,
			}
			u := start(t, Options{}, "unix://"+socketPath(t))
			_, in, out := startStdio(t, Options{})
			onTCP, onUnix := dial(t, s), dial(t, u)
			onStdio := &peer{t: t, r: out}
			for _, m := range messages {
				onTCP.send(m + "\n")
				onUnix.send(m + "\n")
				write(t, in, m+"\n")
				a, b, c := onTCP.line(), onUnix.line(), onStdio.line()
				if a != b || a != c {
					t.Errorf("%s:\n tcp   %s\n unix  %s\n stdio %s", m, a, b, c)
				}
			}
			if n := onTCP.inStep(); n != 0 { // one answer each
				t.Errorf("%d answers too many", n)
			}
		}},
		{n: 16, name: "40000_keys", run: func(t *testing.T, s *Server) {
			p := dial(t, s)
			object := func(n int) string {
				var b strings.Builder
				for i := range n {
					fmt.Fprintf(&b, `,"key%d":%d`, i, i)
				}
				return "{" + b.String()[1:] + "}"
			}
			ask := func(params string) time.Duration {
				best := time.Hour
				for range 5 {
					begin := time.Now()
					p.send(req(1, "echo", params))
					if r := p.reply(); r.Error != nil || len(r.Result) != len(params) {
						t.Fatalf("%+v", r.Error)
					}
					best = min(best, time.Since(begin))
				}
				return best
			}
			few, many := ask(object(5000)), ask(object(40_000))
			if many > 40*few+10*time.Millisecond { // quadratic: 64 times
				t.Errorf("5,000 keys took %v, 40,000 took %v", few, many)
			}
			p.send(req(1, "echo", object(70_000))) // above the limit
			if r := p.reply(); r.Error == nil || r.Error.Code != -32600 {
				t.Errorf("70,000 keys: %.100s", r.Result)
			}
			p.inStep()
		}},
		{n: 17, name: "batch_of_50000", run: func(t *testing.T, s *Server) {
			m := "[" + strings.Repeat(strings.TrimSpace(req(1, "ping", ""))+",", 49_999) + strings.TrimSpace(req(1, "ping", "")) + "]\n"
			for _, allowed := range []string{"no", "yes"} {
				p := dial(t, s)
				if allowed == "yes" {
					p.send(req(0, "batches", ""))
					p.want(res(0, "{}"))
				}
				go func() { _, _ = p.Write([]byte(m)) }()
				r := p.reply()
				if r.Error == nil || r.Error.Code != -32600 {
					t.Errorf("allowed %s: %+v", allowed, r)
				}
				if n := p.inStep(); n != 0 {
					t.Errorf("allowed %s: %d answers more", allowed, n)
				}
			}
		}},
		{n: 18, name: "one_id_twice", run: func(t *testing.T, s *Server) {
			a, b := dial(t, s), dial(t, s)
			a.send(req(1, "later", `{"ms":100,"who":"a"}`) + req(1, "later", `{"ms":100,"who":"again"}`))
			b.send(req(1, "later", `{"ms":100,"who":"b"}`))
			a.wantError(1, -32600)
			a.want(res(1, `{"ms":100,"who":"a"}`))
			b.want(res(1, `{"ms":100,"who":"b"}`))
			// Free again once answered, and a number is no string.
			a.send(req(1, "later", `{"ms":10,"who":"c"}`) + req(`"1"`, "later", `{"ms":30,"who":"d"}`))
			a.want(res(1, `{"ms":10,"who":"c"}`))
			a.want(res(`"1"`, `{"ms":30,"who":"d"}`))
		}},
		{
			n: 19, name: "8000_ids_of_one_XXH64",
			o: Options{Engine: engine.Options{MaxInFlight: 10_000, MaxInFlightTotal: 20_000, WorkerQueue: 20_000}},
			run: func(t *testing.T, s *Server) {
				n := 8000
				if raced {
					n = 2000 // is about time, and there is less to tell then
				}
				same, random := collidingIDs(n), make([]string, n)
				for i := range random {
					random[i] = fmt.Sprintf(`"%064x"`, i)
				}
				ask := func(ids []string) time.Duration {
					p := dial(t, s)
					var b strings.Builder
					for _, id := range ids {
						b.WriteString(req(id, "later", `{"ms":600}`))
					}
					begin := time.Now()
					go func() { _, _ = p.Write([]byte(b.String())) }()
					eventually(t, "calls in flight", func() bool { return s.Snapshot().Engine.InFlight == int64(n) })
					took := time.Since(begin)
					seen := make(map[string]bool)
					for range n {
						l := p.line()
						id := strings.TrimSuffix(strings.TrimPrefix(l, `{"jsonrpc":"2.0","id":`), `,"result":{"ms":600}}`)
						if len(id) != len(ids[0]) {
							t.Fatalf("got %s", l)
						}
						seen[id] = true
					}
					if len(seen) != n {
						t.Errorf("%d different ids answered, want %d", len(seen), n)
					}
					return took
				}
				ask(random) // warms up
				a, b := ask(random), ask(same)
				t.Logf("random ids %v, colliding ids %v", a, b)
				if b > 5*a+50*time.Millisecond { // a chain of 8,000 would cost 32 million comparisons
					t.Errorf("random ids took %v, colliding ones %v", a, b)
				}
			},
		},
	}
}

// collidingIDs returns n raw ids, JSON strings, whose raw text, quotes included,
// has one and the same XXH64 value.
func collidingIDs(n int) []string {
	ids := message.Colliding(n, '"')
	for i := range ids {
		ids[i] += `z"`
	}
	return ids
}
