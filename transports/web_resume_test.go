package transports

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/engine/mcp"
)

// countTool reports progress n times, pausing now and then, and answers.
func countTool(svc *mcp.Server) {
	svc.HandleTool(mcp.Tool{Name: "count", Description: "Counts.", InputSchema: []byte(`{"type":"object","properties":{"n":{"type":"integer"},"close":{"type":"boolean"}},"required":["n"]}`)},
		mcp.Pooled, func(c *mcp.Call) error {
			n, err := c.Args().Int("n")
			if err != nil {
				return err
			}
			if yes, _ := c.Args().Bool("close"); yes && !c.CloseStream(10*time.Millisecond) {
				return fmt.Errorf("the stream cannot be closed")
			}
			for i := range int(n) {
				if err := c.Progress(float64(i+1), float64(n), ""); err != nil {
					return err
				}
				if i%4 == 0 {
					time.Sleep(2 * time.Millisecond)
				}
			}
			return c.Reply().TextString("counted")
		})
}

func countCall(id string, n int, more string) string {
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":%q,"method":"tools/call","params":{"name":"count","arguments":{"n":%d%s},"_meta":{"progressToken":%q}}}`, id, n, more, id)
}

// A client whose connection is cut, at any event and again and again, and that
// comes back by Last-Event-ID, sees each event once, in order, and the answer
// last; the call never knows.
func TestWebResume(t *testing.T) {
	onEachWebHost(t, testWebResume)
}

func testWebResume(t *testing.T, serve webHostFunc) {
	for _, rev := range []string{"2025-06-18", "2025-11-25"} {
		t.Run(rev, func(t *testing.T) {
			s, svc := serve(t, mcp.Options{}, engine.Options{})
			countTool(svc)
			url := s.Addrs()[0] + "/mcp"
			id := initialize(t, url, rev)
			const n = 40
			for round := range 12 {
				w := openEvents(t, "POST", url, countCall("c"+strconv.Itoa(round), n, ""), "Mcp-Session-Id", id)
				first, ok := w.next()
				if primed := first.id != "" && first.data == "" && first.retry == "1000"; !ok || primed != (rev == "2025-11-25") {
					t.Fatalf("the first event: %+v, %v", first, ok)
				}
				last, data, cuts := first.id, []string(nil), 0
				if first.data != "" {
					data = append(data, first.data)
				}
				for left := 1 + rand.IntN(8); ; left-- {
					if left == 0 {
						w.close()
						cuts++
						w = openEvents(t, "GET", url, "", "Mcp-Session-Id", id, "Last-Event-ID", last)
						if w.status != 200 {
							t.Fatalf("after %s: %d", last, w.status)
						}
						left = 1 + rand.IntN(8)
					}
					e, ok := w.next()
					if !ok {
						break
					}
					last, data = e.id, append(data, e.data)
				}
				w.close()
				if len(data) != n+1 || !strings.Contains(data[n], `"counted"`) || cuts == 0 {
					t.Fatalf("%d cuts, %d events, the last %s", cuts, len(data), data[len(data)-1])
				}
				for i, d := range data[:n] {
					if !strings.Contains(d, fmt.Sprintf(`"progress":%d,`, i+1)) {
						t.Fatalf("event %d: %s", i, d)
					}
				}
			}
			eventually(t, "connections end", func() bool { return s.Snapshot().Engine.InFlight == 0 })
		})
	}
}

// A tool may let its client go and come back for the answer (SEP-1699), however
// it then resumes; the connection ends cleanly meanwhile. Where that cannot be
// the answer comes as usual.
func TestWebCloseStream(t *testing.T) {
	onEachWebHost(t, testWebCloseStream)
}

func testWebCloseStream(t *testing.T, serve webHostFunc) {
	s, svc := serve(t, mcp.Options{}, engine.Options{})
	countTool(svc)
	url := s.Addrs()[0] + "/mcp"
	id := initialize(t, url, "2025-11-25")
	for round := range 5 {
		w := openEvents(t, "POST", url, countCall("c", 10, `,"close":true`), "Mcp-Session-Id", id)
		prime, _ := w.next()
		retry := ""
		last, data := prime.id, []string(nil)
		for {
			e, ok := w.next()
			if !ok {
				break
			}
			if e.retry != "" {
				retry = e.retry
				continue
			}
			last, data = e.id, append(data, e.data)
		}
		if err := w.in.Err(); err != nil || retry != "10" || prime.data != "" {
			t.Fatalf("the stream ended with %v, retry %q", err, retry)
		}
		time.Sleep(time.Duration(round) * 5 * time.Millisecond)
		w = openEvents(t, "GET", url, "", "Mcp-Session-Id", id, "Last-Event-ID", last)
		for {
			e, ok := w.next()
			if !ok {
				break
			}
			data = append(data, e.data)
		}
		if err := w.in.Err(); err != nil || len(data) != 11 || !strings.Contains(data[10], "counted") {
			t.Fatalf("%v: %q", err, data)
		}
	}
	for _, rev := range []string{"2025-03-26", "2025-06-18"} {
		r := post(t, url, countCall("c", 1, `,"close":true`), "Mcp-Session-Id", initialize(t, url, rev))
		if !strings.Contains(r.body, "cannot be closed") {
			t.Errorf("%s: %+v", rev, r)
		}
	}
}

// A call that has ended does not close the stream of the next one, which its
// connection carries for the same session.
func TestWebCloseStreamLate(t *testing.T) {
	s, svc := webServer(t, mcp.Options{}, engine.Options{})
	closes, closed, answers := make(chan struct{}), make(chan struct{}), make(chan struct{})
	svc.HandleTool(mcp.Tool{Name: "late"}, mcp.Pooled, func(c *mcp.Call) error {
		<-closes
		c.CloseStream(time.Minute)
		close(closed)
		return nil
	})
	svc.HandleTool(mcp.Tool{Name: "next"}, mcp.Pooled, func(c *mcp.Call) error {
		<-answers
		return c.Reply().TextString("whole")
	})
	url := s.Addrs()[0] + "/mcp"
	id := initialize(t, url, "2025-11-25")
	p := dialURL(t, "tcp://"+strings.TrimPrefix(s.Addrs()[0], "http://"))
	request := func(id, tool, session string) string {
		body := fmt.Sprintf(`{"jsonrpc":"2.0","id":%q,"method":"tools/call","params":{"name":%q}}`, id, tool)
		return fmt.Sprintf("POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\n"+
			"Mcp-Session-Id: %s\r\nContent-Length: %d\r\n\r\n%s", session, len(body), body)
	}
	p.send(request("a", "late", id))
	eventually(t, "the first call runs", func() bool { return s.Snapshot().Engine.InFlight == 1 })
	post(t, url, `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"a"}}`, "Mcp-Session-Id", id)
	r, err := http.ReadResponse(p.r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		t.Fatal(err)
	}
	p.send(request("b", "next", id))
	eventually(t, "the second call runs too", func() bool { return s.Snapshot().Engine.InFlight == 2 })
	close(closes)
	<-closed
	eventually(t, "the first call is home", func() bool { return s.Snapshot().Engine.InFlight == 1 })
	close(answers)
	if r, err = http.ReadResponse(p.r, nil); err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil || !strings.Contains(string(body), "whole") {
		t.Errorf("%v: %q", err, body)
	}
}

// What the server says of its own accord waits for a client that is away, each
// message once; a stream that is begun anew has none of it.
func TestWebResumeListening(t *testing.T) {
	onEachWebHost(t, testWebResumeListening)
}

func testWebResumeListening(t *testing.T, serve webHostFunc) {
	s, svc := serve(t, mcp.Options{}, engine.Options{})
	url := s.Addrs()[0] + "/mcp"
	id := initialize(t, url, "2025-11-25")
	listen := func(last string) *webEvents {
		if last == "" {
			return openEvents(t, "GET", url, "", "Mcp-Session-Id", id)
		}
		return openEvents(t, "GET", url, "", "Mcp-Session-Id", id, "Last-Event-ID", last)
	}
	updated := func() {
		svc.ResourceUpdated("test://watched-resource")
	}
	if r := post(t, url, `{"jsonrpc":"2.0","id":1,"method":"resources/subscribe","params":{"uri":"test://watched-resource"}}`, "Mcp-Session-Id", id); r.status != 200 {
		t.Fatalf("%+v", r)
	}
	w := listen("")
	e, _ := w.next()
	if e.id == "" || e.data != "" || e.retry != "1000" {
		t.Fatalf("prime: %+v", e)
	}
	last := e.id
	seen := 0
	for round := range 5 {
		updated()
		if e, ok := w.next(); !ok || !strings.Contains(e.data, "notifications/resources/updated") {
			t.Fatalf("round %d: %+v, %v", round, e, ok)
		} else {
			last = e.id
			seen++
		}
		w.close()
		updated() // on its way to nobody, or kept
		eventually(t, "the connection has ended", func() bool { return s.Snapshot().Engine.Connections <= 1 })
		updated()
		w = listen(last)
		for range 2 {
			if e, ok := w.next(); !ok || e.id == last {
				t.Fatalf("round %d, resumed: %+v, %v", round, e, ok)
			} else {
				last = e.id
				seen++
			}
		}
	}
	// Who comes back takes the stream over from a connection that is not known
	// to have died.
	other := listen(last)
	if _, ok := w.next(); ok {
		t.Error("the connection that was replaced goes on")
	}
	updated()
	if e, ok := other.next(); !ok || e.id != "1_"+strconv.Itoa(seen+1) {
		t.Errorf("the other: %+v", e)
	}
	if r := do(t, "GET", url, "", "Accept", "text/event-stream", "Mcp-Session-Id", id); r.status != 409 {
		t.Errorf("a second stream: %+v", r)
	}
	other.close()
	var fresh *webEvents
	eventually(t, "the connection has ended", func() bool {
		fresh = listen("")
		return fresh.status != 409
	})
	if e, _ := fresh.next(); e.id != "2_0" {
		t.Errorf("a new stream: %+v", e)
	}
	if r := do(t, "GET", url, "", "Accept", "text/event-stream", "Mcp-Session-Id", id, "Last-Event-ID", last); r.status != 400 || !strings.Contains(r.body, "nothing is kept") {
		t.Errorf("the old one: %+v", r)
	}
}

// A client is told when it cannot go on, and why.
func TestWebResumeRefused(t *testing.T) {
	onEachWebHost(t, testWebResumeRefused)
}

func testWebResumeRefused(t *testing.T, serve webHostFunc) {
	keys := map[string]string{"a": "anna", "b": "berta"}
	s, svc := serve(t, mcp.Options{HTTP: mcp.HTTPOptions{ReplayEvents: 4, ReplayStreams: 2, Authenticate: mcp.BearerTokens(keys)}}, engine.Options{})
	countTool(svc)
	url := s.Addrs()[0] + "/mcp"
	as := func(token string, more ...string) []string {
		return append([]string{"Authorization", "Bearer " + token, "Accept", "application/json, text/event-stream"}, more...)
	}
	open := func(token string) string {
		r := post(t, url, `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{}}}`, as(token)...)
		return r.header.Get("Mcp-Session-Id")
	}
	id, another := open("a"), open("b")
	call := func() (ids []string) {
		w := openEvents(t, "POST", url, countCall("x", 9, ""), as("a", "Mcp-Session-Id", id)...)
		for {
			e, ok := w.next()
			if !ok {
				return ids
			}
			ids = append(ids, e.id)
		}
	}
	gone, ids := call(), call()
	call()
	if len(ids) != 11 {
		t.Fatalf("ids %q", ids)
	}
	for _, tc := range []struct {
		what, token, session, last string
		status                     int
		says                       string
	}{
		{"all that is kept", "a", id, ids[6], 200, "counted"},
		{"nothing more", "a", id, ids[10], 200, ""},
		{"too old", "a", id, ids[5], 400, "dropped"},
		{"before the first", "a", id, ids[0], 400, "dropped"},
		{"not yet", "a", id, strings.Replace(ids[10], "_10", "_11", 1), 400, "no event"},
		{"a stream that was forgotten", "a", id, gone[10], 400, "nothing is kept"},
		{"no such stream", "a", id, "999_1", 400, "nothing is kept"},
		{"no id", "a", id, "nonsense", 400, "malformed"},
		{"a long id", "a", id, strings.Repeat("9", 200), 400, "too long"},
		{"another session", "b", another, ids[6], 400, "nothing is kept"},
		{"another's session", "b", id, ids[6], 403, "another's"},
		{"no session", "a", "none", ids[6], 404, "unknown"},
	} {
		r := do(t, "GET", url, "", as(tc.token, "Mcp-Session-Id", tc.session, "Last-Event-ID", tc.last)...)
		if r.status != tc.status || !strings.Contains(r.body, tc.says) {
			t.Errorf("%s: %+v", tc.what, r)
		}
	}
	if r := do(t, "DELETE", url, "", as("a", "Mcp-Session-Id", id)...); r.status != 204 {
		t.Errorf("%+v", r)
	}
}

// Without replay events have no ids, and a call of an older revision still goes
// on without its client.
func TestWebNoReplay(t *testing.T) {
	onEachWebHost(t, testWebNoReplay)
}

func testWebNoReplay(t *testing.T, serve webHostFunc) {
	s, svc := serve(t, mcp.Options{HTTP: mcp.HTTPOptions{ReplayEvents: -1}}, engine.Options{})
	countTool(svc)
	url := s.Addrs()[0] + "/mcp"
	id := initialize(t, url, "2025-11-25")
	w := openEvents(t, "POST", url, countCall("x", 3, ""), "Mcp-Session-Id", id)
	for n := range 4 {
		if e, ok := w.next(); !ok || e.id != "" || e.data == "" {
			t.Errorf("event %d: %+v", n, e)
		}
	}
	if r := do(t, "GET", url, "", "Accept", "text/event-stream", "Mcp-Session-Id", id, "Last-Event-ID", "1_1"); r.status != 400 {
		t.Errorf("%+v", r)
	}
}

// A call outlives the connection of a client of an older revision, whether its
// stream had begun or not; it can still be cancelled, by another connection, and
// it ends with its session.
func TestWebOutlived(t *testing.T) {
	onEachWebHost(t, testWebOutlived)
}

func testWebOutlived(t *testing.T, serve webHostFunc) {
	s, svc := serve(t, mcp.Options{}, engine.Options{})
	type end struct{ name, cause string }
	ends := make(chan end, 8)
	svc.HandleTool(mcp.Tool{Name: "outlive", Description: "Takes its time.", InputSchema: []byte(`{"type":"object"}`)}, mcp.Pooled, func(c *mcp.Call) error {
		ctx, cause, takes := c.Context(), "", 10*time.Second
		if string(c.ID().Raw()) == `"alone"` {
			takes = 300 * time.Millisecond
		}
		select {
		case <-ctx.Done():
			cause = context.Cause(ctx).Error()
		case <-time.After(takes):
		}
		ends <- end{string(c.ID().Raw()), cause}
		return c.Reply().TextString("done")
	})
	url := s.Addrs()[0] + "/mcp"
	for _, half := range []bool{false, true} {
		id := initialize(t, url, "2025-11-25")
		for _, tc := range []struct{ name, then, cause string }{
			{`"alone"`, "", ""},
			{`"cancelled"`, `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"cancelled","reason":"no longer"}}`, "engine: cancelled by the peer: no longer"},
			{`"ended"`, "DELETE", "engine: cancelled by the peer: the session has ended"},
		} {
			conn, err := dialConn(s.Addrs()[0])
			if err != nil {
				t.Fatal(err)
			}
			body := `{"jsonrpc":"2.0","id":` + tc.name + `,"method":"tools/call","params":{"name":"outlive"}}`
			fmt.Fprintf(conn, "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAccept: */*\r\nMcp-Session-Id: %s\r\nContent-Length: %d\r\n\r\n%s", id, len(body), body)
			eventually(t, "the call runs", func() bool { return s.Snapshot().Engine.InFlight == 1 })
			if half {
				_ = conn.(interface{ CloseWrite() error }).CloseWrite()
				time.Sleep(20 * time.Millisecond)
				_ = conn.Close()
			} else {
				reset(conn)
			}
			time.Sleep(50 * time.Millisecond)
			switch tc.then {
			case "":
			case "DELETE":
				do(t, "DELETE", url, "", "Mcp-Session-Id", id)
			default:
				post(t, url, tc.then, "Mcp-Session-Id", id)
			}
			if got := <-ends; got.name != tc.name || got.cause != tc.cause {
				t.Errorf("half %v: %+v, want %+v", half, got, tc)
			}
			eventually(t, "the connection ends", func() bool {
				n := s.Snapshot().Engine
				return n.InFlight == 0 && n.Connections <= 1
			})
		}
	}
	if n := s.Snapshot().Engine.Outlived; n < 3 {
		t.Errorf("%d connections were outlived", n)
	}
}

// Streams that are cut and resumed at random, and sessions that end meanwhile,
// leave nothing behind: see webServer for what is looked at.
func TestWebResumeChurn(t *testing.T) {
	onEachWebHost(t, testWebResumeChurn)
}

func testWebResumeChurn(t *testing.T, serve webHostFunc) {
	s, svc := serve(t, mcp.Options{HTTP: mcp.HTTPOptions{MaxReplayBytes: 256 << 10}}, engine.Options{})
	countTool(svc)
	url := s.Addrs()[0] + "/mcp"
	done := make(chan int)
	workers, rounds := 6, 25
	for k := range workers {
		go func() {
			answered := 0
			defer func() { done <- answered }()
			r := rand.New(rand.NewPCG(uint64(k), 1))
			for range rounds {
				id := initialize(t, url, "2025-11-25")
				w := openEvents(t, "POST", url, countCall("c", 20, ""), "Mcp-Session-Id", id)
				last := ""
				for {
					e, ok := w.next()
					if strings.Contains(e.data, "counted") {
						answered++
					}
					if !ok || w.status != 200 {
						break
					}
					last = e.id
					switch r.IntN(30) {
					case 0:
						w.close()
						w = openEvents(t, "GET", url, "", "Mcp-Session-Id", id, "Last-Event-ID", last)
					case 1:
						do(t, "DELETE", url, "", "Mcp-Session-Id", id)
					case 2:
						w2 := openEvents(t, "GET", url, "", "Mcp-Session-Id", id, "Last-Event-ID", last)
						w.close()
						w = w2
					}
				}
				w.close()
				if r.IntN(2) == 0 {
					do(t, "DELETE", url, "", "Mcp-Session-Id", id)
				}
			}
		}()
	}
	var all []int
	for range workers {
		all = append(all, <-done)
	}
	if slices.Max(all) == 0 {
		t.Errorf("no call was answered: %v", all)
	}
}
