package main

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/bench/result"
)

// interrupted runs perf, sends it Ctrl-C once its standard error has said a word, and
// returns how it ended.
func interrupted(t *testing.T, word string, args ...string) (code int, out, errs string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, args...)
	var stdout, rest bytes.Buffer
	cmd.Stdout = &stdout
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(stderr)
	for {
		line, err := in.ReadString('\n')
		rest.WriteString(line)
		if err != nil {
			t.Fatalf("never said %q: %s", word, rest.Bytes())
		}
		if strings.Contains(line, word) {
			break
		}
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	_, _ = io.Copy(&rest, in)
	_ = cmd.Wait()
	if d := time.Since(begun); d > 5*time.Second {
		t.Errorf("perf %v ended %v after it was told", args, d)
	}
	return cmd.ProcessState.ExitCode(), stdout.String(), rest.String()
}

// Ctrl-C in the middle of a load keeps what was measured, and says so.
func TestInterruptedLoad(t *testing.T) {
	for name, loop := range map[string][]string{"closed": nil, "open": {"--rate", "200"}} {
		saved := filepath.Join(t.TempDir(), "r.json")
		args := append([]string{"load", listen(t), "--duration", "1m", "--warmup", "0", "--interval", "100ms", "--runs", "3", "--save", saved}, loop...)
		code, out, errs := interrupted(t, "/s  p50", args...)
		if code != exitFailed || !strings.Contains(out, "interrupted after") || !strings.Contains(errs, "perf: interrupted") {
			t.Errorf("%s: exit code %d: %s%s", name, code, out, errs)
		}
		r, err := result.Read(saved)
		if err != nil || len(r.Runs) != 1 || !r.Runs[0].Interrupted || r.Runs[0].Answered == 0 || r.Runs[0].ErrorTotal != 0 {
			t.Fatalf("%s: %+v, %v", name, r, err)
		}
		// What was yet to come, of a minute at 200 a second, is not said to be skipped.
		if run := r.Runs[0]; run.Starts > 6000 || run.Skipped > run.Starts/2 {
			t.Errorf("%s: %d starts, %d skipped", name, run.Starts, run.Skipped)
		}
	}
	// Nothing was measured yet: nothing is told.
	if code, out, errs := interrupted(t, "warming up", "load", listen(t), "--warmup", "1m"); code != exitFailed || out != "" || !strings.Contains(errs, "perf: interrupted") {
		t.Errorf("while warming up: exit code %d: %s%s", code, out, errs)
	}
}

// Connections that were not held to the end are no result, and no process is left.
func TestInterruptedConns(t *testing.T) {
	saved := filepath.Join(t.TempDir(), "r.json")
	code, out, errs := interrupted(t, "holding them", "conns", listen(t), "-n", "10", "--processes", "2", "--hold", "1m", "--save", saved)
	if code != exitFailed || out != "" || !strings.Contains(errs, "perf: interrupted") {
		t.Errorf("exit code %d: %s%s", code, out, errs)
	}
	if _, err := os.Stat(saved); err == nil {
		t.Error("a result was saved")
	}
}
