package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/gannetmcp/gannet/bench/page"
)

// The test binary is the program too: it starts itself as the server.
func TestMain(m *testing.M) {
	if slices.Contains(os.Args, "-server") {
		main()
		return
	}
	os.Exit(m.Run())
}

func TestRun(t *testing.T) {
	runtime.LockOSThread()
	for _, mode := range []string{"sse", "http"} {
		r, err := measure(mode, 50, 3, 0, "")
		if err != nil {
			t.Fatal(err)
		}
		if r.Connections != 50 || r.RSSOpen == 0 || mode == "sse" != (r.Publishes == 3) || mode == "sse" && (r.EventBytes == 0 || r.LastMax < r.DeliveryP50 || r.DeliveryP50 == 0) {
			t.Errorf("%s: %+v", mode, r)
		}
	}
	if _, err := measure("sse", 10_000_000, 1, 0, ""); err == nil || !strings.Contains(err.Error(), "ulimit -n") {
		t.Errorf("more than there may be: %v", err)
	}
}

// Answers that are no success are errors.
func TestReadAnswer(t *testing.T) {
	for text, want := range map[string]string{
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nMcp-Session-Id: s\r\n\r\n{}": "",
		"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n":                 "404",
		"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{\"error\":1}":          "error",
		"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n":                        "invalid",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{}":                      "EOF",
		"HTTP/1.1 200 OK\r\n": "EOF",
	} {
		session, err := readAnswer(bufio.NewReader(strings.NewReader(text)))
		if want == "" && (err != nil || session != "s") || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %q, %v", text, session, err)
		}
	}
}

// What the plan wants, in bytes and events a second of a core.
const (
	wantConnection = 1000
	wantStream     = 2000
	wantEvents     = 300_000
)

// The table of PERFORMANCE.md is that of the stored results.
func TestPage(t *testing.T) {
	const root, file = "../..", "bench/baseline/streams.json"
	var table strings.Builder
	if err := printTable(&table, filepath.Join(root, file)); err != nil {
		t.Fatal(err)
	}
	all, err := readResults(filepath.Join(root, file))
	if err != nil {
		t.Fatal(err)
	}
	connection, stream, events := true, true, true
	for _, r := range all {
		connection = connection && (r.Mode != "http" || r.PerConnection <= wantConnection)
		stream = stream && (r.Mode != "sse" || r.PerConnection <= wantStream)
		events = events && (r.Publishes == 0 || r.EventsRate >= wantEvents)
	}
	verdict := func(met bool) string { return map[bool]string{true: "met", false: "missed"}[met] }
	page.Check(t, root, file, map[string]string{"": table.String(),
		"goals": fmt.Sprintf("Wanted were %s bytes for a connection (%s), %s bytes for a session with its stream (%s), and %s events a second of a core (%s). Of the memory of an idle connection most is `engine.Conn`, gnet's connection, the HTTP parser, the socket's Wire and what MCP keeps, and what the collector lets the heap grow by.",
			page.Digits(wantConnection), verdict(connection), page.Digits(wantStream), verdict(stream), page.Digits(wantEvents), verdict(events))})
}

func TestResults(t *testing.T) {
	path := t.TempDir() + "/r.json"
	if err := printTable(&strings.Builder{}, path); err == nil {
		t.Error("no file: no error")
	}
	for n := range 2 {
		if err := (&result{Mode: "http", Connections: n + 1}).save(path); err != nil {
			t.Fatal(err)
		}
	}
	var table strings.Builder
	if err := printTable(&table, path); err != nil || !strings.Contains(table.String(), "| 2 kept alive |") {
		t.Errorf("%v: %s", err, table.String())
	}
	if err := os.WriteFile(path, []byte("[1"), 0o600); err != nil {
		t.Fatal(err)
	}
	if (&result{}).save(path) == nil || printTable(&table, path) == nil {
		t.Error("a broken file: no error")
	}
}
