package load

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// asideHandler serves Streamable HTTP whose GET is stream.
func asideHandler(stream http.HandlerFunc) http.Handler {
	posts := mcpHandler("length")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			stream(w, r)
			return
		}
		posts(w, r)
	})
}

// streamed answers a GET by the head of an event stream and what say writes, and
// then until the client goes.
func streamed(say func(w io.Writer)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Mcp-Session-Id") != "s-1" || r.Header.Get("Mcp-Protocol-Version") != "2025-06-18" || !strings.Contains(r.Header.Get("Accept"), "text/event-stream") {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
		say(w)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}
}

const asideNote = "event: message\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\"}\n\n"

// Sessions with an event stream beside: what comes on it is counted, and answers
// nothing; its end ends the connection.
func TestAside(t *testing.T) {
	later := func(text string) func(io.Writer) {
		return func(w io.Writer) {
			time.Sleep(50 * time.Millisecond)
			_, _ = io.WriteString(w, text)
		}
	}
	for _, c := range []struct {
		name   string
		stream http.HandlerFunc
		want   Errors
		notes  int64
		alive  int
	}{
		{"silent", streamed(func(io.Writer) {}), Errors{}, 0, 2},
		{"primed", streamed(func(w io.Writer) { _, _ = io.WriteString(w, "id: 1\ndata: \n\n") }), Errors{}, 0, 2},
		{"notifies", streamed(later(strings.Repeat(asideNote+": and on\n\n", 3))), Errors{}, 6, 2},
		{"notifies at length", streamed(later(strings.Replace(asideNote, "message\"}", "message\",\"params\":{\"data\":\""+strings.Repeat("x", 400_000)+"\"}}", 1))), Errors{}, 2, 2},
		{"asks", streamed(later("data: {\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n\n")), Errors{Unexpected: 2}, 0, 2},
		{"says what is none", streamed(later("data: what?\n\n")), Errors{Malformed: 2}, 0, 2},
		{"ends", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			_ = http.NewResponseController(w).Flush()
			time.Sleep(50 * time.Millisecond)
		}, Errors{Closed: 2}, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			srv := httptest.NewServer(asideHandler(c.stream))
			t.Cleanup(srv.Close)
			fds := descriptors(t)
			o := Options{Target: "stream+" + srv.URL + "/mcp", Method: MethodCall, Conns: 2, Plan: Constant(200, 400*time.Millisecond), Depth: 4}
			r := runBounded(t, o, 10*time.Second)
			r.Errors.Lost = 0 // of an end in the middle of a call
			if r.Errors != c.want || r.Notes != c.notes || r.Alive != c.alive || c.alive > 0 && (r.Answered != r.Sent || r.Answered < 10) {
				t.Errorf("%d answered, errors %s, %d notes, %d alive", r.Answered, &r.Errors, r.Notes, r.Alive)
			}
			srv.CloseClientConnections()
			descriptorsBack(t, fds)
		})
	}
	srv := httptest.NewServer(asideHandler(streamed(func(io.Writer) {})))
	t.Cleanup(srv.CloseClientConnections)
	if r := runBounded(t, Options{Target: "stream+" + srv.URL, Reconnect: 3, Conns: 2, Count: 60}, 10*time.Second); r.ErrorTotal != 0 || r.Reconnects.Sessions < 14 {
		t.Errorf("again and again: errors %s, %s, %d sessions", &r.Errors, r.Failure, r.Reconnects.Sessions)
	}
}

// A server without such streams is told from one with.
func TestAsideRefused(t *testing.T) {
	for _, c := range []struct {
		name, says string
		stream     http.HandlerFunc
	}{
		{"not allowed", "offers none: HTTP status 405", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusMethodNotAllowed) }},
		{"an error in JSON", `offers none: HTTP status 400 "{\"error\"`, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"error":"x"}`)
		}},
		{"a page", "offers none: HTTP status 200", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") }},
		{"a stream with another status", "HTTP status 500", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			w.WriteHeader(http.StatusInternalServerError)
			fmt.Fprint(w, asideNote)
		}},
		{"silence", errSlow.Error(), func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }},
	} {
		srv := httptest.NewServer(asideHandler(c.stream))
		_, err := Run(Options{Target: "stream+" + srv.URL, Timeout: 300 * time.Millisecond})
		var connect *ConnectError
		if !errors.As(err, &connect) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", c.name, err)
		}
		srv.CloseClientConnections()
		srv.Close()
	}
	for _, bad := range []Options{{Target: "stream+http://127.0.0.1:1", Revision: modernRevision}, {Target: "stream+http://127.0.0.1:1", Method: MethodRaw}, {Target: "stream+tcp://127.0.0.1:1"}} {
		var usage *UsageError
		if _, err := Run(bad); !errors.As(err, &usage) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

// Connections that are held without a request, of which the server ends one.
func TestHold(t *testing.T) {
	srv := httptest.NewServer(asideHandler(streamed(func(io.Writer) {})))
	t.Cleanup(srv.Close)
	for _, target := range []string{srv.URL, "stream+" + srv.URL} {
		s, err := Open(Options{Target: target, Conns: 3})
		if err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		if errs, err := s.Hold(50 * time.Millisecond); err != nil || errs != (Errors{}) || s.Conns() != 3 || time.Since(begin) < 50*time.Millisecond {
			t.Errorf("%s: %s, %v, %d stand", target, &errs, err, s.Conns())
		}
		srv.CloseClientConnections()
		if errs, err := s.Hold(50 * time.Millisecond); err != nil || errs != (Errors{Closed: 3}) || s.Conns() != 0 {
			t.Errorf("%s, closed: %s, %v, %d stand", target, &errs, err, s.Conns())
		}
		s.Close()
	}
}
