package transports

import (
	"bufio"
	"context"
	"net/http"
	"strings"
	"testing"
	"time"
)

// webEvent is what a client reads of an event.
type webEvent struct{ id, retry, data string }

// webEvents is an event stream that is being read, by a parser of the test's own.
type webEvents struct {
	t      *testing.T
	status int
	res    *http.Response
	in     *bufio.Scanner
	hangup context.CancelFunc
}

// openEvents makes a request on a connection of its own, which is cut by close.
func openEvents(t *testing.T, method, url, body string, headers ...string) *webEvents {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	r, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json, text/event-stream")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	res, err := eventsTransport().RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	w := &webEvents{t, res.StatusCode, res, bufio.NewScanner(res.Body), cancel}
	w.in.Buffer(nil, 1<<20)
	t.Cleanup(w.close)
	return w
}

func (w *webEvents) close() {
	w.hangup()
	_ = w.res.Body.Close()
}

// next returns the next event; ok is false at the end of the stream, clean or not.
func (w *webEvents) next() (e webEvent, ok bool) {
	for w.in.Scan() {
		name, value, _ := strings.Cut(w.in.Text(), ": ")
		switch name {
		case "id":
			e.id = value
		case "retry":
			e.retry = value
		case "data", "data:":
			e.data, ok = value, true
		case "":
			if ok || e.retry != "" {
				return e, true
			}
		}
	}
	return e, false
}

// eventsTransport has a connection of HTTP/1.1 for each stream; with TLS, which
// the default client knows how to speak, what that speaks.
func eventsTransport() *http.Transport {
	if tr, ok := http.DefaultClient.Transport.(*http.Transport); ok && tr.TLSClientConfig != nil {
		tr = tr.Clone()
		tr.DisableKeepAlives = true
		tr.TLSClientConfig.NextProtos = nil // net/http appends to what its clones share
		return tr
	}
	return &http.Transport{DisableKeepAlives: true}
}
