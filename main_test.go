package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// binary is the program under test, built once.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "gannet-test-")
	if err == nil {
		binary = filepath.Join(dir, "gannet")
		cmd := exec.Command("go", "build", "-o", binary, ".")
		cmd.Stderr = os.Stderr
		err = cmd.Run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "cannot build the program:", err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// patience is how long a test waits for what must happen.
const patience = 30 * time.Second

// process is a running gannet.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	out    *bufio.Reader
	stderr saying
	ended  chan struct{}
}

// saying is what a process has written so far.
type saying struct {
	mu   sync.Mutex // protects text
	text bytes.Buffer
}

func (s *saying) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *saying) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// start runs gannet with the environment variables and arguments given.
func start(t *testing.T, env []string, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(binary, args...), ended: make(chan struct{})}
	p.cmd.Env = append(cleanEnv(), env...)
	out, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p.cmd.Stdout, p.cmd.Stderr = w, &p.stderr
	p.out = bufio.NewReader(out)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
	go func() { _ = p.cmd.Wait(); close(p.ended) }()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.ended
		_ = out.Close()
	})
	return p
}

// cleanEnv is the environment without what would configure gannet.
func cleanEnv() (env []string) {
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "GANNET_") && !strings.HasPrefix(e, "XDG_RUNTIME_DIR=") {
			env = append(env, e)
		}
	}
	return env
}

// line reads a line of standard output that begins with prefix.
func (p *process) line(prefix string) string {
	p.t.Helper()
	for {
		s, err := p.out.ReadString('\n')
		if err != nil {
			p.t.Fatalf("no line %q on standard output: %v; standard error: %s", prefix, err, p.stderr.String())
		}
		if strings.HasPrefix(s, prefix) {
			return strings.TrimSpace(strings.TrimPrefix(s, prefix))
		}
	}
}

// exit waits for the end and returns the code.
func (p *process) exit() int {
	p.t.Helper()
	select {
	case <-p.ended:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(patience):
		p.t.Fatalf("still running; standard error: %s", p.stderr.String())
		return -1
	}
}

func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// tcp starts a demo server on a port of its own and connects to it.
func tcp(t *testing.T, args ...string) (*process, net.Conn) {
	t.Helper()
	p := start(t, nil, append([]string{"serve", "--demo", "--listen", "tcp://127.0.0.1:0"}, args...)...)
	c, err := net.Dial("tcp", strings.TrimPrefix(p.line("listening "), "tcp://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	return p, c
}

// call is a request of revision 2026-07-28.
func call(id int, tool, arguments string) string {
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":%q,"arguments":%s,"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}`+"\n", id, tool, arguments)
}

// answers reads n answers and returns their text by id.
func answers(t *testing.T, r io.Reader, n int) map[int]string {
	t.Helper()
	got := map[int]string{}
	in := bufio.NewReader(r)
	for range n {
		s, err := in.ReadBytes('\n')
		if err != nil {
			t.Fatalf("%d of %d answers: %v", len(got), n, err)
		}
		var m struct {
			ID     int
			Result struct {
				Content []struct{ Text string }
			}
			Error json.RawMessage
		}
		if err := json.Unmarshal(s, &m); err != nil {
			t.Fatalf("%v in %s", err, s)
		}
		if m.Error != nil || len(m.Result.Content) == 0 {
			t.Fatalf("answered by %s", s)
		}
		got[m.ID] = m.Result.Content[0].Text
	}
	return got
}
