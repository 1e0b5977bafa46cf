package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The address file is there once the server listens, and goes with it.
func TestAddrFile(t *testing.T) {
	dir := t.TempDir()
	file, socket := filepath.Join(dir, "addr"), filepath.Join(dir, "s")
	p := start(t, nil, "serve", "--listen", "tcp://127.0.0.1:0", "--listen", "unix://"+socket, "--addr-file", file)
	one, two := p.line("listening "), p.line("listening ")
	b, err := os.ReadFile(file)
	if err != nil || string(b) != one+"\n"+two+"\n" || two != "unix://"+socket || strings.HasSuffix(one, ":0") {
		t.Errorf("%q, %v; listening %s and %s", b, err, one, two)
	}
	if info, err := os.Stat(socket); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket: %v, %v", info, err)
	}
	p.signal(syscall.SIGTERM)
	if code := p.exit(); code != 0 {
		t.Errorf("code %d", code)
	}
	for _, f := range []string{file, socket} {
		if _, err := os.Lstat(f); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is left: %v", f, err)
		}
	}
}

// The profile is one that the tools read.
func TestCPUProfile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "cpu.prof")
	p, c := tcp(t, "--cpu-profile", file)
	if _, err := io.WriteString(c, call(1, "echo", `{"text":"x"}`)); err != nil {
		t.Fatal(err)
	}
	answers(t, c, 1)
	p.signal(syscall.SIGTERM)
	if code := p.exit(); code != 0 {
		t.Fatalf("code %d: %s", code, p.stderr.String())
	}
	out, err := exec.Command("go", "tool", "pprof", "-raw", file).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "cpu/nanoseconds") {
		t.Errorf("%v: %s", err, out)
	}
}

// Waits and locks are recorded where they are asked for only.
func TestContentionProfile(t *testing.T) {
	for _, asked := range []bool{false, true} {
		args := []string{"serve", "--demo", "--listen", "tcp://127.0.0.1:0", "--admin", "127.0.0.1:0"}
		if asked {
			args = append(args, "--contention-profile")
		}
		p := start(t, nil, args...)
		p.line("listening tcp://")
		address := ""
		for deadline := time.Now().Add(patience); address == ""; time.Sleep(time.Millisecond) {
			_, after, _ := strings.Cut(p.stderr.String(), "url=http://")
			if before, _, ok := strings.Cut(after, "/metrics"); ok {
				address = before
			} else if time.Now().After(deadline) {
				t.Fatalf("no admin page: %s", p.stderr.String())
			}
		}
		res, err := http.Get("http://" + address + "/debug/pprof/mutex?debug=1")
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil || strings.Contains(string(b), "sampling period=10\n") != asked {
			t.Errorf("asked %t: %v, %s", asked, err, b)
		}
	}
}

// The line that is printed to be pasted makes a first call.
func TestFirstCall(t *testing.T) {
	p := start(t, nil, "serve", "--demo", "--listen", "tcp://127.0.0.1:0")
	p.line("A first call")
	line := p.line("  ")
	cmd := exec.Command("sh", "-c", line)
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), `"text":"hello"`) {
		t.Errorf("%s\n%v: %s", line, err, out)
	}
}

// A client that has asked and shut down its sending half is answered, also
// what takes its time.
func TestHalfClose(t *testing.T) {
	_, c := tcp(t)
	if _, err := io.WriteString(c, call(1, "echo", `{"text":"at once"}`)+call(2, "delay", `{"ms":200,"text":"late"}`)); err != nil {
		t.Fatal(err)
	}
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	got := answers(t, bytes.NewReader(b), 2)
	if got[1] != "at once" || got[2] != "late" {
		t.Errorf("%v", got)
	}
}

// SIGTERM with 200 calls in flight: 200 answers, exit code 0.
func TestDrain(t *testing.T) {
	p, c := tcp(t)
	const n = 200
	var ask strings.Builder
	for i := range n {
		ask.WriteString(call(i, "delay", `{"ms":1500,"text":"done"}`))
	}
	ask.WriteString(call(n, "echo", `{"text":"all are in"}`))
	if _, err := io.WriteString(c, ask.String()); err != nil {
		t.Fatal(err)
	}
	first := make([]byte, 1) // the echo's answer: the calls before it are in flight
	if _, err := io.ReadFull(c, first); err != nil {
		t.Fatal(err)
	}
	p.signal(syscall.SIGTERM)
	got := answers(t, io.MultiReader(bytes.NewReader(first), c), n+1)
	for i := range n {
		if got[i] != "done" {
			t.Fatalf("call %d: %q", i, got[i])
		}
	}
	if code := p.exit(); code != 0 {
		t.Errorf("exit code %d: %s", code, p.stderr.String())
	}
}

// A second signal ends at once; so does the end of the grace, with a code of
// its own.
func TestDrainCutShort(t *testing.T) {
	for _, tc := range []struct {
		name  string
		args  []string
		again bool
		code  int
	}{
		{"second signal", nil, true, 1},
		{"grace expired", []string{"--shutdown-grace", "100ms"}, false, 5},
		{"no grace", []string{"--shutdown-grace", "0"}, false, 5},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p, c := tcp(t, tc.args...)
			if _, err := io.WriteString(c, call(1, "delay", `{"ms":500000,"text":"never"}`)+call(2, "echo", `{"text":"x"}`)); err != nil {
				t.Fatal(err)
			}
			answers(t, c, 1)
			p.signal(syscall.SIGINT)
			if tc.again {
				for !strings.Contains(p.stderr.String(), "draining") { // it has seen the first
					time.Sleep(5 * time.Millisecond)
				}
				p.signal(syscall.SIGINT)
			}
			begin := time.Now()
			if code := p.exit(); code != tc.code {
				t.Errorf("exit code %d, want %d: %s", code, tc.code, p.stderr.String())
			}
			if d := time.Since(begin); d > 15*time.Second {
				t.Errorf("took %v", d)
			}
		})
	}
}

// A server that was killed leaves nothing that keeps the next from its port
// and its socket; its clients see the end.
func TestKilled(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	p := start(t, nil, "serve", "--demo", "--listen", "tcp://127.0.0.1:0", "--listen", "unix://"+socket)
	url := p.line("listening ")
	c, err := net.Dial("tcp", strings.TrimPrefix(url, "tcp://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, call(1, "echo", `{"text":"x"}`)); err != nil {
		t.Fatal(err)
	}
	answers(t, c, 1)
	p.signal(syscall.SIGKILL)
	p.exit()
	_ = c.SetDeadline(time.Now().Add(patience))
	if _, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a client of a killed server: %v", err)
	}
	again := start(t, nil, "serve", "--demo", "--listen", url, "--listen", "unix://"+socket)
	if got := again.line("listening "); got != url {
		t.Errorf("listening %s", got)
	}
	u, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	if _, err := io.WriteString(u, call(2, "add", `{"a":1,"b":2}`)); err != nil {
		t.Fatal(err)
	}
	if got := answers(t, u, 1); got[2] != `{"sum":3}` {
		t.Errorf("%v", got)
	}
}

// On standard output there is MCP and nothing else, whatever comes in; the end
// of the input ends the program.
func TestStdio(t *testing.T) {
	in := strings.Join([]string{
		`{"jsonrpc":"2.0","id":"i","method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}`,
		`{"jsonrpc":"2.0","method":"notifications/initialized"}`,
		"", "  ", "no JSON", "{", `{"id":1}`, "\xff\xfe", `[]`, `{"jsonrpc":"2.0","id":2,"method":"nothing"}` + "\r",
		strings.Repeat("[", 10_000),
		`{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"echo","arguments":{"text":"last"}}}`,
	}, "\n") + "\n"
	cmd := exec.Command(binary, "serve", "--demo", "--listen", "stdio", "--log-level", "debug")
	cmd.Env = cleanEnv()
	cmd.Stdin = strings.NewReader(in)
	var out, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	for _, l := range lines {
		var m struct{ JSONRPC string }
		if err := json.Unmarshal([]byte(l), &m); err != nil || m.JSONRPC != "2.0" {
			t.Errorf("%q on standard output: %v", l, err)
		}
	}
	if len(lines) != 9 || !strings.Contains(lines[8], `"text":"last"`) {
		t.Errorf("%d lines:\n%s", len(lines), out.String())
	}
	if !strings.Contains(stderr.String(), "listening stdio") {
		t.Errorf("standard error: %q", stderr.String())
	}
}
