package peers

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/engine/mcp"
	"github.com/gannetmcp/gannet/engine/mcp/fixture"
	"github.com/gannetmcp/gannet/transports"
)

// Programs that know HTTP/2 and not MCP, against a server in this process: the
// conformance tool h2spec, nghttp and h2load of nghttp2, curl.

// outsider returns the path of a program. Where it is not installed the test is
// skipped, but in CI.
func outsider(t *testing.T, name, pkg string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("%s is not there; apt-get install %s", name, pkg)
		}
		t.Skipf("%s is not there", name)
	}
	return path
}

// run runs a program, which must end well within a minute, and returns what it
// prints.
func run(t *testing.T, path string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %.200q: %v\n%s", filepath.Base(path), args, err, out)
	}
	return string(out)
}

// serveHTTP2 serves the demo on one listener.
func serveHTTP2(t *testing.T, scheme string, o transports.HTTP2Options) (*transports.Server, *url.URL) {
	t.Helper()
	svc := mcp.NewServer(mcp.Options{Name: "gannet"})
	fixture.AddDemo(svc)
	s, err := transports.Listen(svc, transports.Options{
		Listeners: []transports.Listener{{URL: scheme + "://127.0.0.1:0"}}, HTTP2: o,
		TLS: transports.TLSOptions{SelfSigned: scheme == "https"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
	})
	u, err := url.Parse(s.Addrs()[0])
	if err != nil {
		t.Fatal(err)
	}
	return s, u
}

// modernCall is a call of 2026-07-28: its body, and its header fields, a line each.
func modernCall(tool, args string) (body string, fields []string) {
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"%s","arguments":%s,"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}`, tool, args),
		[]string{"content-type: application/json", "accept: application/json, text/event-stream", "mcp-protocol-version: 2026-07-28", "mcp-method: tools/call", "mcp-name: " + tool}
}

const h2specPackage = "github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible"

// h2spec, 145 tests of RFC 7540 and 7541, finds nothing, with TLS or without. Where
// HTTP/1.1 is spoken on the same port, a preface that is none is a request that is
// none: h2spec wants something else there.
func TestH2Spec(t *testing.T) {
	dir := t.TempDir()
	install := exec.Command("go", "install", h2specPackage)
	install.Env = append(os.Environ(), "GOBIN="+dir, "GOFLAGS=-mod=mod")
	if out, err := install.CombinedOutput(); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("go install %s: %v\n%s", h2specPackage, err, out)
		}
		t.Skipf("h2spec cannot be installed: %v", err)
	}
	summary := regexp.MustCompile(`(\d+) tests, (\d+) passed, (\d+) skipped, (\d+) failed`)
	for _, tc := range []struct {
		name, scheme string
		o            transports.HTTP2Options
		failed       string
	}{
		{"clear", "http", transports.HTTP2Options{Only: true}, "0"},
		{"clear beside HTTP/1.1", "http", transports.HTTP2Options{}, "1"},
		{"TLS", "https", transports.HTTP2Options{}, "0"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, u := serveHTTP2(t, tc.scheme, tc.o)
			args := []string{"-h", "127.0.0.1", "-p", u.Port(), "-o", "1"}
			if tc.scheme == "https" {
				args = append(args, "-t", "-k")
			}
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			out, _ := exec.CommandContext(ctx, filepath.Join(dir, "h2spec"), args...).CombinedOutput()
			m := summary.FindStringSubmatch(string(out))
			if m == nil || m[1] != "145" || m[3] != "0" || m[4] != tc.failed {
				t.Fatalf("%s", out)
			}
			if tc.failed == "1" && !bytes.Contains(out, []byte("× 2: Sends invalid connection preface")) {
				t.Errorf("something else has failed:\n%s", out)
			}
			if n := s.Snapshot().Engine; n.Panics != 0 {
				t.Errorf("%d panics", n.Panics)
			}
		})
	}
}

// nghttp gets pages and answers on one connection, through windows of any size,
// with all that it puts between: padding, priorities, CONTINUATION.
func TestNghttp(t *testing.T) {
	nghttp := outsider(t, "nghttp", "nghttp2-client")
	file := filepath.Join(t.TempDir(), "body")
	body, fields := modernCall("blob", `{"bytes":100000}`)
	if err := os.WriteFile(file, []byte(body), 0o600); err != nil {
		t.Fatal(err)
	}
	var headers []string
	for _, f := range fields {
		headers = append(headers, "-H", f)
	}
	for _, scheme := range []string{"http", "https"} {
		s, u := serveHTTP2(t, scheme, transports.HTTP2Options{})
		for name, args := range map[string][]string{
			"plain":         nil,
			"small windows": {"-w10", "-W10"},
			"large windows": {"-w30", "-W30"},
			"padding":       {"-b", "200"},
			"many":          {"-m", "50"},
			"continuation":  {"--continuation"},
			"no priorities": {"--no-dep"},
			"small table":   {"-c", "0", "--encoder-header-table-size=0"},
		} {
			t.Run(scheme+"/"+name, func(t *testing.T) {
				out := run(t, nghttp, append(append(append([]string{"-v", "-y", "-t", "30", "-d", file}, headers...), args...), u.String()+"/mcp")...)
				want := 1
				if name == "many" {
					want = 50
				}
				if n := strings.Count(out, ":status: 200"); n != want || strings.Contains(out, "RST_STREAM") {
					t.Errorf("%d answers, want %d\n%.2000s", n, want, out)
				}
				if n := strings.Count(out, `"jsonrpc"`); n != want {
					t.Errorf("%d bodies, want %d", n, want)
				}
			})
		}
		if n := s.Snapshot().HTTP2; n.Requests < 57 || n.Errors != 0 {
			t.Errorf("%+v", n)
		}
	}
}

// h2load has twenty thousand calls answered, on many connections and streams.
func TestH2Load(t *testing.T) {
	h2load := outsider(t, "h2load", "nghttp2-client")
	const calls = 20_000
	file := filepath.Join(t.TempDir(), "body")
	body, fields := modernCall("echo", `{"text":"`+strings.Repeat("x", 300)+`"}`)
	if err := os.WriteFile(file, []byte(body), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, scheme := range []string{"http", "https"} {
		t.Run(scheme, func(t *testing.T) {
			s, u := serveHTTP2(t, scheme, transports.HTTP2Options{})
			args := []string{"-c", "8", "-m", "16", "-t", "1", "-n", strconv.Itoa(calls), "-d", file}
			for _, f := range fields {
				args = append(args, "-H", f)
			}
			out := run(t, h2load, append(args, u.String()+"/mcp")...)
			if want := fmt.Sprintf("%d done, %[1]d succeeded, 0 failed, 0 errored, 0 timeout", calls); !strings.Contains(out, want) || !strings.Contains(out, fmt.Sprintf("status codes: %d 2xx", calls)) {
				t.Errorf("want %s\n%s", want, out)
			}
			if n := s.Snapshot(); n.HTTP2.Requests != calls || n.HTTP2.Connections != 8 || n.Accepted != 8 {
				t.Errorf("%+v, %d accepted", n.HTTP2, n.Accepted)
			}
		})
	}
}

// curl speaks HTTP/2 by prior knowledge and by TLS: a page, an answer, a large
// one that is packed, an event stream, a body that waits for 100.
func TestCurlHTTP2(t *testing.T) {
	curl := outsider(t, "curl", "curl")
	for _, scheme := range []string{"http", "https"} {
		t.Run(scheme, func(t *testing.T) {
			s, u := serveHTTP2(t, scheme, transports.HTTP2Options{})
			ask := func(want string, args ...string) {
				t.Helper()
				how := "--http2-prior-knowledge"
				if scheme == "https" {
					how = "--http2"
				}
				out := run(t, curl, append([]string{"-q", "-sSik", how, "--noproxy", "*", "--max-time", "20"}, args...)...)
				head, rest, _ := strings.Cut(out, "\r\n\r\n")
				if strings.HasPrefix(head, "HTTP/2 100") {
					head, rest, _ = strings.Cut(rest, "\r\n\r\n")
				}
				if !strings.HasPrefix(head, "HTTP/2 200") || !strings.Contains(rest, want) {
					t.Errorf("%q: %.600s", args, out)
				}
			}
			call := func(tool, args string, more ...string) []string {
				body, fields := modernCall(tool, args)
				a := append([]string{"-d", body}, more...)
				for _, f := range fields {
					a = append(a, "-H", f)
				}
				return append(a, u.String()+"/mcp")
			}
			ask("An MCP server", u.String()+"/")
			ask(`"text":"x"`, call("echo", `{"text":"x"}`)...)
			ask(`"text":"x"`, call("echo", `{"text":"x"}`, "-H", "Expect: 100-continue", "--expect100-timeout", "10")...)
			ask("gannet! gannet! ", call("blob", `{"bytes":200000}`, "--compressed")...)
			ask("gannet! gannet! ", call("blob", `{"bytes":3000000}`, "-H", "Accept-Encoding: identity")...)
			body, fields := modernCall("delay", `{"ms":200,"text":"late"}`)
			body = strings.Replace(body, `"_meta":{`, `"_meta":{"progressToken":"p",`, 1)
			args := []string{"-N", "-d", body}
			for _, f := range fields {
				args = append(args, "-H", f)
			}
			ask("notifications/progress", append(args, u.String()+"/mcp")...)
			if n := s.Snapshot().HTTP2; n.Requests != 6 || n.Connections != 6 {
				t.Errorf("%+v", n)
			}
		})
	}
}
