package rounds

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/gannetmcp/gannet/bench/load"
)

// A generator is a program of others that loads a server with one request over and
// over. It returns what it measured.
type generator func(b *Bench, s *Subject, url, body string, headers [][2]string, d time.Duration) (otherSaid, error)

// otherSaid is what a generator says: times in µs, a percentile that it does not
// know 0.
type otherSaid struct {
	Requests, Micros, Errors  int64
	Mean, P50, P99, P999, Max float64
}

// runOther measures a subject with HTTP by a generator. Whether it answers rightly
// is looked at once, before: such programs count statuses only. paged has the server
// serve its page, which is read before and after.
func (b *Bench) runOther(g generator, s *Subject, paged bool, m *Measurement) error {
	if err := os.Remove(b.AddrFile); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	var w Watcher
	command := s.CommandLine(b.Places)
	if paged {
		command = append(command, s.Page...)
	}
	srv, err := startServer(command, b.ServerCPU, b.AddrFile, paged, &w)
	if err != nil {
		return err
	}
	return errors.Join(b.other(g, s, srv, paged, &w, m), srv.Stop())
}

func (b *Bench) other(g generator, s *Subject, srv *Server, paged bool, w *Watcher, m *Measurement) error {
	url := webAddress(srv.Address, s.Path)
	body, headers := webRequest(s)
	if s.Session {
		id, err := openSession(url)
		if err != nil {
			return err
		}
		headers = append(headers, [2]string{"Mcp-Session-Id", id})
	}
	reply, err := askOnce(url, body, headers)
	if err != nil {
		return err
	}
	headers = append(headers, [2]string{"Content-Type", "application/json"}, [2]string{"Accept", "application/json, text/event-stream"})
	if _, err := g(b, s, url, body, headers, b.Warmup); err != nil {
		return err
	}
	heap := func(int64) (*load.HeapUse, error) { return nil, nil }
	if paged {
		if heap, err = load.WatchHeap(w.page()); err != nil {
			return err
		}
	}
	use, err := load.WatchServer(srv.PID)
	if err != nil {
		return err
	}
	w.line("gen: measuring")
	said, err := g(b, s, url, body, headers, b.Duration)
	w.line("gen: draining")
	if err != nil {
		return err
	}
	r := &load.Result{
		Target: url, Command: strings.Join(s.Command, " "), Method: s.Method, Conns: s.Conns, Depth: s.Depth, Size: len(body), Reply: len(reply),
		Seconds: float64(said.Micros) / 1e6, Messages: said.Requests, Answered: said.Requests, ErrorTotal: said.Errors,
		Latency: load.Latency{Mean: said.Mean, P50: said.P50, P99: said.P99, P999: said.P999, Max: said.Max},
	}
	if r.Server, err = use(said.Requests); err != nil {
		return err
	}
	if r.Seconds > 0 {
		r.Rate = float64(said.Requests) / r.Seconds
	}
	if r.Heap, err = heap(said.Requests); err != nil {
		return err
	}
	m.Result, m.GCCycles = r, w.collections()
	if said.Errors > 0 {
		return fmt.Errorf("the generator counted %d errors", said.Errors)
	}
	return nil
}

// webRequest returns the body and the fields of a subject's request.
func webRequest(s *Subject) (body string, headers [][2]string) {
	meta := ""
	if s.Modern {
		meta = `,"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}`
		headers = [][2]string{{"MCP-Protocol-Version", "2026-07-28"}, {"Mcp-Method", "tools/call"}, {"Mcp-Name", "echo"}}
	}
	if s.Method == load.MethodPing {
		return `{"jsonrpc":"2.0","id":1000000000,"method":"ping"}`, headers
	}
	head, tail := `{"jsonrpc":"2.0","id":1000000000,"method":"tools/call","params":{"name":"echo","arguments":{"text":"`, `"}`+meta+`}}`
	return head + strings.Repeat("x", max(1, s.Size-len(head)-len(tail))) + tail, headers
}

// askOnce makes the request and judges the answer: it must hold what was sent.
func askOnce(url, body string, headers [][2]string) (reply []byte, err error) {
	r, err := http.NewRequest("POST", url, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json, text/event-stream")
	for _, h := range headers {
		r.Header.Set(h[0], h[1])
	}
	c := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := c.Do(r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	reply, err = io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	text := ""
	if _, rest, ok := strings.Cut(body, `"text":"`); ok {
		text, _, _ = strings.Cut(rest, `"`)
	}
	if res.StatusCode != 200 || !bytes.Contains(reply, []byte(text)) || !bytes.Contains(reply, []byte("1000000000")) || bytes.Contains(reply, []byte(`"error"`)) {
		return nil, fmt.Errorf("the server answers %s: %.200s", res.Status, reply)
	}
	return reply, nil
}

// openSession opens a session of 2025-11-25 and returns its id.
func openSession(url string) (string, error) {
	const body = `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"bench","version":"1"}}}`
	r, err := http.NewRequest("POST", url, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json, text/event-stream")
	res, err := (&http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, res.Body)
	id := res.Header.Get("Mcp-Session-Id")
	if id == "" {
		return "", fmt.Errorf("initialize: %s, and no session", res.Status)
	}
	return id, nil
}
