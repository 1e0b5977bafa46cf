package peers

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// tool is what a client says of a tool.
type tool struct {
	name   string
	schema string // JSON
}

// result is what a client says of a call's result.
type result struct {
	text       string
	structured string // JSON, "" for none
	isError    bool
}

// interopClient is one connected client of a library.
type interopClient interface {
	revision() string // negotiated
	ping(ctx context.Context) error
	tools(ctx context.Context) ([]tool, error)
	// call calls a tool. If progress is not nil, it is asked for and told.
	call(ctx context.Context, name string, args map[string]any, progress func(done, total float64)) (result, error)
	close() error
}

// library makes clients. revision pins what they ask for; "" leaves it to them.
type library struct {
	name  string
	stdio func(t *testing.T, revision string, command []string) (interopClient, error)
	// stream speaks over a connection; nil where the library cannot.
	stream    func(t *testing.T, revision string, c net.Conn) (interopClient, error)
	revisions []string // that can be pinned
	newest    string   // what it takes by itself
	// pings says whether ping is sent in revision 2026-07-28, which has none.
	pingsModern bool
}

var libraries = []library{goSDK, mcpGo}

const modern = "2026-07-28"

// Each library, each revision that it can be pinned to, over stdio; its own
// choice over TCP and a Unix socket too.
func TestInterop(t *testing.T) {
	for _, lib := range libraries {
		for _, revision := range append([]string{""}, lib.revisions...) {
			name := revision
			if name == "" {
				name = "own-choice"
			}
			t.Run(lib.name+"/stdio/"+name, func(t *testing.T) {
				c, err := lib.stdio(t, revision, []string{gannet, "serve", "--demo", "--listen", "stdio"})
				if err != nil {
					t.Fatal(err)
				}
				exercise(t, lib, c, revision)
			})
		}
		if lib.stream == nil {
			continue
		}
		for _, network := range []string{"tcp", "unix"} {
			t.Run(lib.name+"/"+network, func(t *testing.T) {
				address := "127.0.0.1:0"
				if network == "unix" {
					address = filepath.Join(t.TempDir(), "s")
				}
				conn := serve(t, network, address)
				c, err := lib.stream(t, "", conn)
				if err != nil {
					t.Fatal(err)
				}
				exercise(t, lib, c, "")
			})
		}
	}
}

// serve starts gannet on a socket and connects to it.
func serve(t *testing.T, network, address string) net.Conn {
	t.Helper()
	url := startGannet(t, "--demo", "--listen", network+"://"+address)[0]
	conn, err := net.Dial(network, strings.TrimPrefix(url, network+"://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// exercise does with a client what clients do, and closes it.
func exercise(t *testing.T, lib library, c interopClient, pinned string) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	want := pinned
	if want == "" {
		want = lib.newest
	}
	if got := c.revision(); got != want {
		t.Errorf("revision %q, want %q", got, want)
	}
	if c.revision() != modern || lib.pingsModern {
		if err := c.ping(ctx); err != nil {
			t.Errorf("ping: %v", err)
		}
	}

	tools, err := c.tools(ctx)
	if err != nil {
		t.Fatalf("tools: %v", err)
	}
	schemas := map[string]string{}
	for _, tool := range tools {
		schemas[tool.name] = tool.schema
	}
	for name, property := range map[string]string{"echo": "text", "delay": "ms", "add": "b", "blob": "bytes"} {
		var s struct {
			Type       string
			Properties map[string]struct{ Type any }
		}
		if err := json.Unmarshal([]byte(schemas[name]), &s); err != nil || s.Type != "object" || s.Properties[property].Type == nil {
			t.Errorf("schema of %s: %q, %v", name, schemas[name], err)
		}
	}
	if len(tools) != 6 {
		t.Errorf("%d tools", len(tools))
	}

	good := func(what, name string, args map[string]any, text string) result {
		t.Helper()
		r, err := c.call(ctx, name, args, nil)
		if err != nil || r.isError || r.text != text {
			t.Errorf("%s: %.80q, isError %v, %v", what, r.text, r.isError, err)
		}
		return r
	}
	const letters = "quotes \" and \\, lines\n, Кириллица, 漢字, 🙂, \u2028, \x00"
	good("echo", "echo", map[string]any{"text": letters}, letters)
	good("echo from the pool", "echo", map[string]any{"text": letters, "ms": 20}, letters)
	good("blob", "blob", map[string]any{"bytes": 100_000}, strings.Repeat("gannet! ", 12_500))
	sum := good("add", "add", map[string]any{"a": 1.5, "b": 2}, `{"sum":3.5}`)
	if structured := c.revision() >= "2025-06-18"; structured != (sum.structured != "") || structured && sum.structured != `{"sum":3.5}` {
		t.Errorf("structured content in %s: %q", c.revision(), sum.structured)
	}

	var mu sync.Mutex
	var told []float64
	r, err := c.call(ctx, "delay", map[string]any{"ms": 200, "text": "slept"}, func(done, total float64) {
		mu.Lock()
		defer mu.Unlock()
		if total != 4 {
			t.Errorf("progress %v of %v", done, total)
		}
		told = append(told, done)
	})
	if err != nil || r.text != "slept" {
		t.Errorf("delay: %q, %v", r.text, err)
	}
	// A library may hand notifications to goroutines of their own.
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		mu.Lock()
		n := len(told)
		mu.Unlock()
		if n == 4 {
			break
		}
		if time.Now().After(end) {
			t.Errorf("progress %v, want four reports", told)
			break
		}
	}

	// Cancelled by its caller, the call ends, and the session goes on.
	begin := time.Now()
	short, stop := context.WithTimeout(ctx, 100*time.Millisecond)
	if _, err := c.call(short, "delay", map[string]any{"ms": 60_000, "text": "never"}, nil); err == nil {
		t.Error("a cancelled call succeeded")
	}
	stop()
	if d := time.Since(begin); d > 20*time.Second {
		t.Errorf("a cancelled call took %v", d)
	}

	for _, bad := range []struct {
		what, name string
		args       map[string]any
		says       string
	}{
		{"unknown tool", "nothing", map[string]any{}, "nothing"},
		{"wrong type", "add", map[string]any{"a": "one", "b": 2}, "a"},
		{"missing argument", "echo", map[string]any{}, "text"},
		{"out of range", "blob", map[string]any{"bytes": -1}, "bytes"},
	} {
		r, err := c.call(ctx, bad.name, bad.args, nil)
		text := r.text
		if err != nil {
			text = err.Error()
		}
		if err == nil && !r.isError || !strings.Contains(text, bad.says) {
			t.Errorf("%s: %q, isError %v, %v", bad.what, r.text, r.isError, err)
		}
	}

	// Many at once, each with its own answer.
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			text := fmt.Sprint("number ", i)
			args := map[string]any{"text": text}
			if i%2 == 0 {
				args["ms"] = i % 8
			}
			if r, err := c.call(ctx, "echo", args, nil); err != nil || r.text != text {
				t.Errorf("%d of 64 at once: %q, %v", i, r.text, err)
			}
		})
	}
	wg.Wait()
	if err := c.close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

// Every line of standard output is one JSON-RPC message, whatever comes in.
func TestStdoutIsJSON(t *testing.T) {
	var in strings.Builder
	asked := 0
	for i := range 1000 {
		switch i % 8 {
		case 0:
			fmt.Fprintf(&in, `{"jsonrpc":"2.0","id":%d,"method":"ping"}`, i)
		case 1:
			fmt.Fprintf(&in, `{"jsonrpc":"2.0","id":"%d","method":"tools/call","params":{"name":"echo","arguments":{"text":"\u0000\ud83d\ude00","ms":1}}}`, i)
		case 2:
			in.WriteString("no JSON \xff\xfe")
		case 3:
			fmt.Fprintf(&in, `{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"nothing\n"}}`, i)
		case 4:
			fmt.Fprintf(&in, `[{"jsonrpc":"2.0","id":%d,"method":"ping"}]`, i)
		case 5:
			fmt.Fprintf(&in, `{"jsonrpc":"2.0","id":%d,"method":"tools/list"}`, i)
		case 6:
			fmt.Fprintf(&in, `{"jsonrpc":"2.0","id":%d}`, i)
		case 7:
			in.WriteString(`{"jsonrpc":"2.0","method":"notifications/nothing"}`)
			asked--
		}
		asked++
		in.WriteByte('\n')
	}
	cmd := exec.Command(gannet, "serve", "--demo", "--listen", "stdio", "--log-level", "debug")
	cmd.Stdin = strings.NewReader(in.String())
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := 0
	for line := range strings.Lines(string(out)) {
		lines++
		var m struct{ JSONRPC string }
		if err := json.Unmarshal([]byte(line), &m); err != nil || m.JSONRPC != "2.0" {
			t.Fatalf("%q: %v", line, err)
		}
	}
	if lines != asked {
		t.Errorf("%d lines, want %d", lines, asked)
	}
}
