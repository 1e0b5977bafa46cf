package transports

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/engine/mcp"
	"github.com/gannetmcp/gannet/transports/wiretest"
)

// curl runs the program curl and returns what it prints: with -i the head of the
// response, and its body. What goes wrong in it fails the test.
func curl(t *testing.T, args ...string) string {
	t.Helper()
	cmd := curlCommand(t, t.Context(), args...)
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("curl %.300q: %v\n%s", args, err, complaints.Bytes())
	}
	return string(out)
}

func curlCommand(t *testing.T, ctx context.Context, args ...string) *exec.Cmd {
	t.Helper()
	path, err := exec.LookPath("curl")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("curl is not there; install it (apt-get install curl)")
		}
		t.Skip("curl is not there")
	}
	// -q: no file of the user's has a say.
	cmd := exec.CommandContext(ctx, path, append([]string{"-q", "-sS", "--noproxy", "*", "--max-time", "20"}, args...)...)
	cmd.WaitDelay = time.Second
	return cmd
}

// curl, a client that is nobody's of MCP, is served: with a session and without,
// by event streams, with all that HTTP has for a body and a connection.
func TestCurl(t *testing.T) {
	s, _ := webServer(t, mcp.Options{HTTP: mcp.HTTPOptions{AllowedOrigins: []string{"https://app.example.org"}}}, engine.Options{})
	base := s.Addrs()[0]
	url := base + "/mcp"
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	jsonHeaders := []string{"-H", "Content-Type: application/json", "-H", "Accept: application/json, text/event-stream"}
	with := func(more ...string) []string { return append(append([]string(nil), jsonHeaders...), more...) }
	initialized := curl(t, with("-i", url, "-d", `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"curl","version":"1"}}}`)...)
	_, id, found := strings.Cut(initialized, "Mcp-Session-Id: ")
	id, _, _ = strings.Cut(id, "\r\n")
	if !found || !strings.HasPrefix(initialized, "HTTP/1.1 200 OK\r\n") {
		t.Fatalf("initialize: %s", initialized)
	}
	session := []string{"-H", "Mcp-Session-Id: " + id}
	in := func(more ...string) []string { return with(append(append([]string(nil), session...), more...)...) }
	call := func(text string) string {
		return `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"text":"` + text + `"}}}`
	}
	big := strings.Repeat("0123456789", 200_000)
	bigFile := file("big", call(big))
	const bare = `{"jsonrpc":"2.0","id":1,"method":"ping"}`

	for _, tc := range []struct {
		what string
		args []string
		says []string // all of them
	}{
		{"page", []string{"-i", base + "/"}, []string{"200 OK", "claude mcp add"}},
		{"page, HEAD", []string{"-I", base + "/"}, []string{"200 OK", "Content-Length: "}},
		{"page, HTTP/1.0", []string{"-i", "-0", base + "/"}, []string{"200 OK", "Connection: close", "claude mcp add"}},
		{"initialized", in("-i", url, "-d", `{"jsonrpc":"2.0","method":"notifications/initialized"}`), []string{"202 Accepted"}},
		{"call", in("-i", url, "-d", call("hello")), []string{"200 OK", "Content-Type: application/json", `"text":"hello"`}},
		{"call, HTTP/1.0", in("-i", "-0", url, "-d", call("hello")), []string{"200 OK", "Connection: close", `"text":"hello"`}},
		{"call, modern", with("-i", url, "-H", "MCP-Protocol-Version: 2026-07-28", "-H", "Mcp-Method: tools/call", "-H", "Mcp-Name: echo",
			"-d", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"text":"hello"},`+webMeta+`}}`), []string{"200 OK", `"text":"hello"`}},
		{"progress", in("-i", "-N", url, "-d", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"test_tool_with_progress","arguments":{},"_meta":{"progressToken":"p"}}}`),
			[]string{"200 OK", "Content-Type: text/event-stream", "event: message\ndata: ", `"progressToken":"p"`, `"id":1`}},
		{"preflight", []string{"-i", "-X", "OPTIONS", url, "-H", "Origin: https://app.example.org", "-H", "Access-Control-Request-Method: POST"},
			[]string{"204 No Content", "Access-Control-Allow-Origin: https://app.example.org", "Access-Control-Allow-Methods: "}},
		{"chunked", in("-i", url, "-H", "Transfer-Encoding: chunked", "--data-binary", "@"+bigFile), []string{"200 OK", big}},
		{"100-continue", in("-i", url, "-H", "Expect: 100-continue", "--expect100-timeout", "15", "--data-binary", "@"+bigFile), []string{"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK", big}},
		{"compressed", in("-i", "--compressed", url, "--data-binary", "@"+bigFile), []string{"200 OK", "Content-Encoding: ", big}},
		{"upload, gzip", in("-i", url, "-H", "Content-Encoding: gzip", "--data-binary", "@"+file("gzip", string(wiretest.Gzip([]byte(call(big)))))), []string{"200 OK", big}},
		{"upload, zstd", in("-i", url, "-H", "Content-Encoding: zstd", "-H", "Transfer-Encoding: chunked", "--data-binary", "@"+file("zstd", string(wiretest.ZstdStream([]byte(call(big)))))), []string{"200 OK", big}},

		{"upload, br", in("-i", url, "-H", "Content-Encoding: br", "-d", bare), []string{"415 Unsupported Media Type", "Accept-Encoding: gzip, zstd"}},
		{"too large, 100-continue", in("-i", url, "-H", "Expect: 100-continue", "--expect100-timeout", "15", "-H", "Content-Length: 100000000", "-d", bare), []string{"413 Content Too Large"}},
		{"no JSON", in("-i", url, "-d", "{"), []string{"400 Bad Request", "-32700"}},
		{"type", []string{"-i", url, "-d", bare}, []string{"415 Unsupported Media Type"}},
		{"accept", []string{"-i", url, "-H", "Content-Type: application/json", "-H", "Accept: text/html", "-d", bare}, []string{"406 Not Acceptable"}},
		{"no session", with("-i", url, "-d", bare), []string{"400 Bad Request", "-32600"}},
		{"another's session", with("-i", url, "-H", "Mcp-Session-Id: none", "-d", bare), []string{"404 Not Found"}},
		{"origin", in("-i", url, "-H", "Origin: https://evil.example", "-d", bare), []string{"403 Forbidden"}},
		{"method", []string{"-i", "-X", "PUT", url, "-d", bare}, []string{"405 Method Not Allowed", "Allow: POST, GET, DELETE, OPTIONS"}},
		{"path", []string{"-i", base + "/none"}, []string{"404 Not Found"}},
		{"no request", []string{"-i", "-X", "GE(T", base + "/"}, []string{"400 Bad Request", "Connection: close"}},
		{"line", []string{"-i", base + "/" + strings.Repeat("x", 9<<10)}, []string{"414 URI Too Long"}},
		{"head", []string{"-i", base + "/", "-H", "A: " + strings.Repeat("x", 33<<10)}, []string{"431 Request Header Fields Too Large"}},
		{"expectation", with("-i", url, "-H", "Expect: miracle", "-d", bare), []string{"417 Expectation Failed"}},
	} {
		t.Run(tc.what, func(t *testing.T) {
			got := curl(t, tc.args...)
			for _, want := range tc.says {
				if !strings.Contains(got, want) {
					t.Errorf("%.600s\nlacks %.100q", got, want)
				}
			}
		})
	}

	t.Run("two on one connection", func(t *testing.T) {
		one := in("-w", "\n%{num_connects}\n", url, "-d", call("first"))
		got := curl(t, append(append(one, "--next", "-sS", "--noproxy", "*"), in("-w", "\n%{num_connects}\n", url, "-d", call("second"))...)...)
		if !strings.Contains(got, "first") || !strings.Contains(got, "second") || !strings.HasSuffix(got, "\n0\n") || !strings.Contains(got, "\n1\n") {
			t.Error(got)
		}
	})
	t.Run("stream of a session", func(t *testing.T) {
		events := curlStream(t, append(session, "-H", "Accept: text/event-stream", url)...)
		curl(t, in(url, "-d", `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"test_trigger_tool_change","arguments":{}}}`)...)
		events.until("notifications/tools/list_changed")
	})
	t.Run("HTTP with SSE", func(t *testing.T) {
		events := curlStream(t, base+"/sse")
		where := base + strings.TrimPrefix(strings.TrimSpace(events.until("data: /message")), "data: ")
		for i, m := range []string{
			`"method":"initialize","params":{"protocolVersion":"2024-11-05","capabilities":{},"clientInfo":{"name":"curl","version":"1"}}`,
			`"method":"tools/call","params":{"name":"echo","arguments":{"text":"over there"}}`,
		} {
			if got := curl(t, with("-i", where, "-d", fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,%s}`, i, m))...); !strings.Contains(got, "202 Accepted") {
				t.Fatal(got)
			}
			events.until([]string{`"protocolVersion":"2024-11-05"`, `"text":"over there"`}[i])
		}
	})
	t.Run("end", func(t *testing.T) {
		if got := curl(t, append(session, "-i", "-X", "DELETE", url)...); !strings.Contains(got, "HTTP/1.1 20") {
			t.Error(got)
		}
		if got := curl(t, in("-i", url, "-d", bare)...); !strings.Contains(got, "404 Not Found") {
			t.Error(got)
		}
	})
}

// stream of events that curl prints as they come.
type curlEvents struct {
	t     *testing.T
	lines chan string
}

func curlStream(t *testing.T, args ...string) *curlEvents {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cmd := curlCommand(t, ctx, append([]string{"-N"}, args...)...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	e := &curlEvents{t, make(chan string, 1000)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(e.lines)
		for in := bufio.NewScanner(out); in.Scan(); {
			select {
			case e.lines <- in.Text():
			case <-ctx.Done():
				return
			}
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-done
		_ = cmd.Wait() // it was killed
	})
	return e
}

// until returns the next line that has want in it.
func (e *curlEvents) until(want string) string {
	e.t.Helper()
	end := time.After(15 * time.Second)
	for {
		select {
		case line, open := <-e.lines:
			if !open {
				e.t.Fatalf("the stream ended without %q", want)
			}
			if strings.Contains(line, want) {
				return line
			}
		case <-end:
			e.t.Fatalf("no %q came", want)
		}
	}
}
