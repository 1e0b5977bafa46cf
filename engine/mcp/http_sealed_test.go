package mcp

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A sealed session goes on in another process with the same keys, and after it
// was idle; not with other keys, another principal, after its time, or when it
// was ended; and ids that were made up or changed are none.
func TestSealedSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keys := func(all ...string) HTTPOptions {
			o := HTTPOptions{MaxSessions: 2, SessionIdle: time.Minute, SessionTTL: time.Hour, Authenticate: BearerTokens(map[string]string{"a": "anna", "b": "berta"})}
			for _, k := range all {
				o.SessionKeys = append(o.SessionKeys, []byte(k))
			}
			return o
		}
		start := func(o HTTPOptions) *webClient {
			return newWebClient(t, NewServer(Options{Name: "sealed", HTTP: o}))
		}
		as := func(token, id string) map[string]string {
			h := map[string]string{"Content-Type": "application/json", "Authorization": "Bearer " + token}
			if id != "" {
				h[headerSession] = id
			}
			return h
		}
		open := func(c *webClient, token string) string {
			_, f := c.do("POST", "/mcp", `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-03-26","capabilities":{"sampling":{}},"clientInfo":{"name":"sealed-test-client","version":"1"}}}`, as(token, ""))
			_, id, _ := strings.Cut(string(f.x.Header), headerSession+": ")
			id, _, _ = strings.Cut(id, "\r\n")
			if f.status != 200 || strings.Count(string(f.x.Header), headerSession) != 1 {
				t.Fatalf("%d %s %q", f.status, f.body, f.x.Header)
			}
			return id
		}
		ping := func(c *webClient, token, id string) int {
			_, f := c.do("POST", "/mcp", `{"jsonrpc":"2.0","id":1,"method":"ping"}`, as(token, id))
			return f.status
		}
		first := start(keys("one"))
		id := open(first, "a")
		if len(id) < 100 || len(id) > 1000 || strings.Contains(id, "sealed-test-client") {
			t.Errorf("the id %q", id)
		}
		if st := ping(first, "a", id); st != 200 {
			t.Errorf("here: %d", st)
		}
		second := start(keys("two", "one"))
		if st := ping(second, "a", id); st != 200 {
			t.Errorf("elsewhere: %d", st)
		}
		if _, f := second.do("POST", "/mcp", `[{"jsonrpc":"2.0","id":1,"method":"ping"}]`, as("a", id)); f.status != 200 {
			t.Errorf("a batch, which its revision has: %d", f.status)
		}
		hs := second.l.Engine().Service().(*Server).sessions.find([]byte(id))
		if r := hs.record.Load(); r.rev.name != "2025-03-26" || r.clientName != "sealed-test-client" || r.clientVersion != "1" || r.caps != canSample || hs.sender != "anna" {
			t.Errorf("what was settled: %+v, %q", r, hs.sender)
		}
		for what, tc := range map[string]struct {
			c         *webClient
			token, id string
		}{
			"other keys":        {start(keys("two")), "a", id},
			"no keys":           {start(keys()), "a", id},
			"another principal": {start(keys("one")), "b", id},
			"cut short":         {second, "a", id[:len(id)-1]},
			"changed":           {second, "a", strings.Map(func(r rune) rune { return r ^ 1 }, id[:8]) + id[8:]},
			"padded":            {second, "a", id + "="},
			"long":              {second, "a", strings.Repeat("A", sealedBytesMax+1)},
			"empty":             {second, "a", "A"},
		} {
			if st := ping(tc.c, tc.token, tc.id); st != 404 {
				t.Errorf("%s: %d", what, st)
			}
		}
		if st := ping(second, "b", id); st != 403 {
			t.Errorf("another principal, while it is there: %d", st)
		}
		time.Sleep(5 * time.Minute) // it is no longer held
		synctest.Wait()
		if n := second.l.Engine().Service().(*Server).Stats().Sessions; n != 0 {
			t.Errorf("%d sessions after idling", n)
		}
		if st := ping(second, "a", id); st != 200 {
			t.Errorf("after idling: %d", st)
		}
		open(second, "a")
		if st := ping(second, "a", open(start(keys("two")), "a")); st != 404 {
			t.Errorf("without room: %d", st)
		}
		if _, f := second.do("DELETE", "/mcp", "", as("a", id)); f.status != 204 {
			t.Errorf("DELETE: %d", f.status)
		}
		if st := ping(second, "a", id); st != 404 {
			t.Errorf("after DELETE: %d", st)
		}
		late := open(first, "a")
		time.Sleep(time.Hour + time.Second)
		synctest.Wait()
		if st := ping(first, "a", late); st != 404 {
			t.Errorf("after its time: %d", st)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
	})
}

// Of sessions that were ended for good no more ids are remembered than there may
// be sessions.
func TestSealedSessionsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newWebClient(t, NewServer(Options{Name: "sealed", HTTP: HTTPOptions{MaxSessions: 3, SessionKeys: [][]byte{[]byte("k")}}}))
		var last string
		for range 10 {
			last, _ = c.session()
			c.do("DELETE", "/mcp", "", map[string]string{headerSession: last})
			time.Sleep(time.Second)
		}
		st := &c.l.Engine().Service().(*Server).sessions
		if _, there := st.over[last]; !there || len(st.over) != 3 {
			t.Errorf("%d are remembered, the last %v", len(st.over), there)
		}
	})
}

// An id that was ended is not taken in another spelling either: the last
// character of base64 may have bits that say nothing.
func TestSealedSessionSpellings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
		tried := 0
		for _, name := range []string{"", "x", "xx"} { // each length of the last group
			c := newWebClient(t, NewServer(Options{Name: "sealed", HTTP: HTTPOptions{SessionKeys: [][]byte{[]byte("k")}}}))
			_, f := c.do("POST", "/mcp", `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"c`+name+`","version":"1"}}}`, map[string]string{"Content-Type": "application/json"})
			_, id, _ := strings.Cut(string(f.x.Header), headerSession+": ")
			id, _, _ = strings.Cut(id, "\r\n")
			if _, f := c.do("DELETE", "/mcp", "", map[string]string{headerSession: id}); f.status != 204 {
				t.Fatalf("DELETE: %d", f.status)
			}
			for _, last := range alphabet {
				other := id[:len(id)-1] + string(last)
				tried++
				_, f := c.do("POST", "/mcp", `{"jsonrpc":"2.0","id":1,"method":"ping"}`, map[string]string{"Content-Type": "application/json", headerSession: other})
				if f.status != 404 {
					t.Errorf("the id that was ended, with %q at its end: %d", last, f.status)
				}
			}
		}
		if tried != 3*64 {
			t.Errorf("%d spellings", tried)
		}
	})
}

// A sealed id has ended at its time, not when the sessions are next looked
// through.
func TestSealedSessionEndsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newWebClient(t, NewServer(Options{Name: "sealed", HTTP: HTTPOptions{SessionKeys: [][]byte{[]byte("k")}, SessionTTL: 10 * time.Second}}))
		id, _ := c.session()
		ping := func() int {
			_, f := c.do("POST", "/mcp", `{"jsonrpc":"2.0","id":1,"method":"ping"}`, map[string]string{"Content-Type": "application/json", headerSession: id})
			return f.status
		}
		time.Sleep(9 * time.Second)
		if st := ping(); st != 200 {
			t.Errorf("before its end: %d", st)
		}
		time.Sleep(time.Second)
		if st := ping(); st != 404 {
			t.Errorf("at its end: %d", st)
		}
	})
}

// A session that is taken up again has not the streams of before: an event id
// of another process must not lead to what is another request's there.
func TestSealedSessionStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := func() *webClient {
			return newWebClient(t, NewServer(Options{Name: "sealed", HTTP: HTTPOptions{SessionKeys: [][]byte{[]byte("k")}}}))
		}
		first, second := start(), start()
		id, _ := first.session()
		listen := func(c *webClient, last string) (int, string) {
			h := map[string]string{"Accept": "text/event-stream", headerSession: id}
			if last != "" {
				h["Last-Event-ID"] = last
			}
			_, f := c.do("GET", "/mcp", "", h)
			if f.x.Events == nil {
				return f.status, ""
			}
			_, event, _ := strings.Cut(string(f.x.Events.AppendHead(nil)), "id: ")
			event, _, _ = strings.Cut(event, "\n")
			return f.status, event
		}
		_, before := listen(first, "")
		if _, after := listen(second, ""); before == "" || after == "" || before == after {
			t.Errorf("the ids %q and %q", before, after)
		}
		if st, _ := listen(second, before); st != 400 {
			t.Errorf("resumed by an id of another process: %d", st)
		}
	})
}
