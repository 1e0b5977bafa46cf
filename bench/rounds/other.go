package rounds

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
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
// is looked at once, before: such programs count statuses only.
func (b *Bench) runOther(g generator, s *Subject, m *Measurement) error {
	if err := os.Remove(b.AddrFile); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	var w Watcher
	srv, err := StartServer(s.CommandLine(b.Places), b.ServerCPU, b.AddrFile, &w)
	if err != nil {
		return err
	}
	return errors.Join(b.other(g, s, srv, &w, m), srv.Stop())
}

func (b *Bench) other(g generator, s *Subject, srv *Server, w *Watcher, m *Measurement) error {
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
	pid := srv.PID
	user, system, err := processTimes(pid)
	if err != nil {
		return err
	}
	w.line("gen: measuring")
	said, err := g(b, s, url, body, headers, b.Duration)
	w.line("gen: draining")
	if err != nil {
		return err
	}
	userAfter, systemAfter, err := processTimes(pid)
	if err != nil {
		return err
	}
	user, system = userAfter-user, systemAfter-system
	r := &load.Result{
		Target: url, Command: strings.Join(s.Command, " "), Method: s.Method, Conns: s.Conns, Depth: s.Depth, Size: len(body), Reply: len(reply),
		Seconds: float64(said.Micros) / 1e6, Messages: said.Requests, Answered: said.Requests, ErrorTotal: said.Errors,
		Latency: load.Latency{Mean: said.Mean, P50: said.P50, P99: said.P99, P999: said.P999, Max: said.Max},
		Server:  &load.Server{PID: pid, User: user, System: system, RSSAfter: residentBytes(pid)},
	}
	if said.Requests > 0 && r.Seconds > 0 {
		r.Rate = float64(said.Requests) / r.Seconds
		r.Server.CPUMicros = (user + system) * 1e6 / float64(said.Requests)
		r.Server.Utilisation = (user + system) / r.Seconds
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

// processTimes returns the CPU seconds that a process has used.
func processTimes(pid int) (user, system float64, err error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, 0, err
	}
	f := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
	const utime, stime, hertz = 11, 12, 100 // proc_pid_stat(5), behind the name
	if len(f) <= stime {
		return 0, 0, errors.New("/proc is not as expected")
	}
	u, err1 := strconv.ParseFloat(string(f[utime]), 64)
	k, err2 := strconv.ParseFloat(string(f[stime]), 64)
	return u / hertz, k / hertz, errors.Join(err1, err2)
}

// residentBytes returns the resident memory of a process, 0 if it cannot be read.
func residentBytes(pid int) int64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	f := bytes.Fields(b)
	if err != nil || len(f) < 2 {
		return 0
	}
	n, err := strconv.ParseInt(string(f[1]), 10, 64)
	if err != nil {
		return 0
	}
	return n * int64(os.Getpagesize())
}
