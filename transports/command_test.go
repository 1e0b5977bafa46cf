package transports

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/engine/mcp"
)

// buildGannet builds the program.
func buildGannet(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "gannet")
	if out, err := exec.Command("go", "build", "-pgo=off", "-o", binary, "..").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return binary
}

// demoCommand builds the program and returns it serving the demo tools on stdio.
func demoCommand(t *testing.T) func() *exec.Cmd {
	t.Helper()
	binary := buildGannet(t)
	return func() *exec.Cmd { return exec.Command(binary, "serve", "--demo", "--listen", "stdio") }
}

// A client drives the built program on stdio in each revision, and leaves no
// process, descriptor or goroutine.
func TestCommand(t *testing.T) {
	server := demoCommand(t)
	nothingLeft(t)
	for _, rev := range append(mcp.Revisions(), "") {
		cmd := server()
		s, err := Command(context.Background(), testClient(rev), cmd, CommandOptions{})
		if err != nil {
			t.Fatal(err)
		}
		want := rev
		if want == "" {
			want = mcp.LatestRevision
		}
		if i := s.Info(); i.Revision != want || i.Name != "gannet" {
			t.Errorf("info %+v", i)
		}
		useDemo(t, s)
		begin := time.Now()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := s.Wait(); err != nil {
			t.Error(err)
		}
		if d := time.Since(begin); d > DefaultExitTimeout {
			t.Errorf("the end took %v", d)
		}
		if st := cmd.ProcessState; st == nil || !st.Success() {
			t.Errorf("the process ended as %v", st)
		}
	}
}

// Neither side waits for ever when both have much to say: the server, who
// reads nothing while it cannot write, is read from while we cannot write.
func TestCommandMuchBothWays(t *testing.T) {
	cmd := demoCommand(t)()
	nothingLeft(t)
	client := mcp.NewClient(mcp.ClientOptions{Name: "test", MaxPendingBytes: 64 << 20})
	s, err := Command(context.Background(), client, cmd, CommandOptions{Engine: engine.Options{MaxOutputBytes: 64 << 20}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	text := strings.Repeat("0123456789abcdef", 20<<10) // 320 KiB
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			want := fmt.Sprint(i) + text
			if r, err := s.CallTool(context.Background(), "echo", map[string]string{"text": want}); err != nil || r.Text() != want {
				t.Errorf("call %d: %v", i, err)
			}
		})
	}
	wg.Wait()
}

// script is a server written in sh: it answers initialize and goes on with rest.
func script(rest string) *exec.Cmd {
	return exec.Command("sh", "-c", `read l; echo '{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":{"name":"sh","version":"1"}}}'; `+rest)
}

var quick = CommandOptions{ExitTimeout: 100 * time.Millisecond, TermTimeout: 100 * time.Millisecond}

// A process that does not end by itself is made to, and so are its children
// where it has a group.
func TestCommandEnds(t *testing.T) {
	nothingLeft(t)
	for _, tc := range []struct {
		name, rest string
		setup      func(*exec.Cmd)
		most       time.Duration
		signal     syscall.Signal
	}{
		{"by the end of input", `cat >/dev/null`, nil, DefaultExitTimeout, 0},
		{"by SIGTERM", `exec sleep 1000`, nil, 2 * time.Second, syscall.SIGTERM},
		{"by SIGKILL", `trap "" TERM; while :; do sleep 0.01; done`, nil, 2 * time.Second, syscall.SIGKILL},
		{"its group", `sleep 1000; sleep 1000`, func(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }, 2 * time.Second, syscall.SIGTERM},
		{"a child keeps the output", `sleep 8 & exec sleep 1000`, nil, 4 * time.Second, syscall.SIGTERM},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cmd := script(tc.rest)
			if tc.setup != nil {
				tc.setup(cmd)
			}
			o := quick
			if tc.signal == 0 {
				o = CommandOptions{}
			}
			s, err := Command(context.Background(), testClient(mcp.Revision20251125), cmd, o)
			if err != nil {
				t.Fatal(err)
			}
			begin := time.Now()
			_ = s.Close()
			took := time.Since(begin)
			ws := cmd.ProcessState.Sys().(syscall.WaitStatus)
			if took > tc.most || (tc.signal != 0) != ws.Signaled() || tc.signal != 0 && ws.Signal() != tc.signal {
				t.Errorf("took %v, ended as %v", took, cmd.ProcessState)
			}
		})
	}
}

// A server that dies tells how, with the end of its standard error.
func TestCommandDies(t *testing.T) {
	nothingLeft(t)
	ctx := context.Background()
	client := testClient(mcp.Revision20251125)
	for name, tc := range map[string]struct {
		cmd  *exec.Cmd
		text []string
	}{
		"no such program":   {exec.Command("/no/such/program"), []string{"/no/such/program", "no such file"}},
		"dies at once":      {exec.Command("sh", "-c", "echo out of luck >&2; exit 3"), []string{"exit status 3", "out of luck", "sh"}},
		"ends at once":      {exec.Command("sh", "-c", "echo only chatter"), []string{"closed"}},
		"input is taken":    {&exec.Cmd{Path: "/bin/true", Stdin: os.Stdin}, []string{"must be nil"}},
		"another protocol":  {exec.Command("sh", "-c", "read l; echo '{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32601,\"message\":\"no such method\"}}'"), []string{"no such method"}},
		"revision unusable": {exec.Command("sh", "-c", "read l; echo '{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"protocolVersion\":\"1\"}}'; cat >/dev/null"), []string{"chose"}},
	} {
		_, err := Command(ctx, client, tc.cmd, quick)
		for _, text := range tc.text {
			if err == nil || !strings.Contains(err.Error(), text) {
				t.Errorf("%s: %v, want %q in it", name, err, text)
			}
		}
	}
	cmd := script("read l; read l; echo last words >&2; kill -9 $$")
	s, err := Command(ctx, client, cmd, quick)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Ping(ctx); !errors.Is(err, engine.ErrConnClosed) {
		t.Errorf("a request at the end: %v", err)
	}
	err = s.Wait()
	var exit *exec.ExitError
	if !errors.Is(err, engine.ErrConnClosed) || !errors.As(err, &exit) || !strings.Contains(err.Error(), "last words") || !strings.Contains(err.Error(), "killed") {
		t.Errorf("Wait: %v", err)
	}
	if err := s.Ping(ctx); !strings.Contains(fmt.Sprint(err), "last words") {
		t.Errorf("a request afterwards: %v", err)
	}
}

// Lines that are no messages are skipped; standard error goes where it is sent.
func TestCommandStderr(t *testing.T) {
	nothingLeft(t)
	cmd := exec.Command("sh", "-c", "echo ready; read l; "+
		`echo '{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":{"name":"sh","version":"1"}}}'; cat >/dev/null; echo bye >&2`)
	var b bytes.Buffer
	cmd.Stderr = &b
	s, err := Command(context.Background(), testClient(mcp.Revision20251125), cmd, CommandOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if n := s.Stats().Malformed; n != 1 {
		t.Errorf("%d malformed", n)
	}
	_ = s.Close()
	if b.String() != "bye\n" {
		t.Errorf("standard error %q", b.String())
	}
	kept := tail{max: 10}
	for i := range 100 {
		_, _ = kept.Write([]byte(strconv.Itoa(i) + "\n"))
	}
	_, _ = kept.Write(bytes.Repeat([]byte("x"), 7))
	if got := kept.String(); got != "9\nxxxxxxx" && len(got) > 10 {
		t.Errorf("kept %q", got)
	}
	if _, _ = kept.Write([]byte("0123456789abcdef")); kept.String() != "6789abcdef" {
		t.Errorf("kept %q", kept.String())
	}
}

// The options of a process that is never waited for long.
func TestCommandNoWait(t *testing.T) {
	nothingLeft(t)
	cmd := script(`trap "" TERM; while :; do sleep 0.01; done`)
	s, err := Command(context.Background(), testClient(mcp.Revision20251125), cmd, CommandOptions{ExitTimeout: -1, TermTimeout: -1, StderrTail: -1})
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	_ = s.Close()
	if d := time.Since(begin); d > killedWait {
		t.Errorf("took %v", d)
	}
}
