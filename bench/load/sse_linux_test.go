package load

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"
)

// sseHandler serves HTTP with SSE on /events: requests are POSTed where the
// stream says, replies come on it. It refuses the fifty-first of a connection.
func sseHandler() http.Handler {
	var mu sync.Mutex
	streams := map[string]chan string{}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /events", func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		id := strconv.Itoa(len(streams))
		replies := make(chan string, 100)
		streams[id] = replies
		mu.Unlock()
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprintf(w, "event: endpoint\ndata: post?s=%s\n\n", id)
		for {
			_ = http.NewResponseController(w).Flush()
			select {
			case reply := <-replies:
				if _, err := fmt.Fprintf(w, "event: message\ndata: %s\n\n", reply); err != nil {
					return
				}
			case <-r.Context().Done():
				return
			}
		}
	})
	mux.HandleFunc("POST /post", func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		replies := streams[r.URL.Query().Get("s")]
		mu.Unlock()
		body, _ := io.ReadAll(r.Body)
		var m struct {
			ID     *uint64
			Method string
		}
		if json.Unmarshal(body, &m) != nil || replies == nil {
			w.WriteHeader(400)
			return
		}
		if m.ID != nil && *m.ID == firstID+50 {
			w.WriteHeader(503) // and no reply
			return
		}
		w.WriteHeader(202)
		switch {
		case m.Method == "initialize":
			replies <- `{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2024-11-05"}}`
		case m.ID != nil:
			replies <- fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"result":{}}`, *m.ID)
		}
	})
	return mux
}

func TestSSE(t *testing.T) {
	srv := httptest.NewServer(sseHandler())
	t.Cleanup(srv.CloseClientConnections)
	// So few that no connection comes to the request that is refused, however
	// unequally the two are served.
	o := Options{Target: "sse+" + srv.URL + "/events", Conns: 2, Depth: 4, Count: 40, Revision: "2024-11-05", Timeout: time.Second}
	if r := runBounded(t, o, 10*time.Second); r.ErrorTotal != 0 || r.Answered != 40 || r.SlowChecks != 0 {
		t.Errorf("answered %d, errors: %s", r.Answered, &r.Errors)
	}
	o.Conns, o.Count = 1, 100
	if r := runBounded(t, o, 10*time.Second); r.Errors != (Errors{Status: 1, TimedOut: 1}) || r.Answered != 99 {
		t.Errorf("answered %d, errors: %s", r.Answered, &r.Errors)
	}
	o.Target = "sse+" + srv.URL + "/absent"
	if _, err := Run(o); err == nil {
		t.Error("a stream that is not there is opened")
	}
	o.Revision = modernRevision
	if _, err := Run(o); err == nil {
		t.Error("a revision that has no such transport is spoken")
	}
}
