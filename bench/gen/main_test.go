package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/gannetmcp/gannet/bench/load"
)

func TestParse(t *testing.T) {
	o, asJSON, err := parse(strings.Fields("-target stdio -c 1 -d 64 -size 500 -method call -tool t -args-extra \"ms\":0 -warmup 1s -duration 2s -n 5 -timeout 3s -cpu 1 -child-cpu 0 -server-pid 7 -json -- cat -u"), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	want := load.Options{Target: "stdio", Command: []string{"cat", "-u"}, Conns: 1, Depth: 64, Method: "call", Size: 500, Tool: "t",
		ArgsExtra: `"ms":0`, Warmup: 1e9, Duration: 2e9, Count: 5, Timeout: 3e9, CPUs: []int{1}, ChildCPUs: []int{0}, ServerPID: 7}
	if got, w := fmt.Sprintf("%#v", o), fmt.Sprintf("%#v", want); got != w || !asJSON {
		t.Errorf("got  %s\nwant %s", got, w)
	}
	if o, _, err := parse([]string{"-target", "tcp://h:1"}, io.Discard); err != nil || o.CPUs != nil || o.ChildCPUs != nil {
		t.Errorf("%+v, %v", o, err)
	}
}

func TestExitCodes(t *testing.T) {
	for _, c := range []struct {
		args string
		want int
	}{
		{"-h", exitOK},
		{"-bogus", exitUsage},
		{"-d x -target tcp://127.0.0.1:1", exitUsage},
		{"", exitUsage},
		{"-target ftp://x", exitUsage},
		{"-target stdio", exitUsage},
		{"-target tcp://127.0.0.1:1 -method sing", exitUsage},
		{"-target tcp://127.0.0.1:1 -- cat", exitUsage},
	} {
		var out, errs bytes.Buffer
		if got := run(strings.Fields(c.args), &out, &errs); got != c.want || out.Len() > 0 || errs.Len() == 0 {
			t.Errorf("%q: exit code %d, want %d; %d bytes of output, says %q", c.args, got, c.want, out.Len(), &errs)
		}
	}
}

func TestRun(t *testing.T) {
	cat, err := exec.LookPath("cat")
	if err != nil {
		t.Skip("there is no cat here")
	}
	var out, errs bytes.Buffer
	args := []string{"-target", "stdio", "-method", "raw", "-d", "16", "-n", "500"}
	got := run(append(args, "-json", "--", cat), &out, &errs)
	if runtime.GOOS != "linux" {
		if got != exitUsage || !strings.Contains(errs.String(), "needs Linux") {
			t.Errorf("exit code %d, says %q", got, &errs)
		}
		return
	}
	var r load.Result
	if err := json.Unmarshal(out.Bytes(), &r); err != nil || got != exitOK || r.Messages != 500 || r.Server == nil {
		t.Errorf("exit code %d, %v, result %s, says %q", got, err, &out, &errs)
	}
	out.Reset()
	if got := run(append(args, "--", cat), &out, &errs); got != exitOK || !strings.Contains(out.String(), "errors      none") {
		t.Errorf("exit code %d: %s", got, &out)
	}
	if got := run(append(args, "--", "true"), &out, &errs); got != exitFailed {
		t.Errorf("a child that ends: exit code %d", got)
	}
	if got := run([]string{"-target", "unix:///nonexistent/gannet.sock"}, &out, &errs); got != exitFailed {
		t.Errorf("nobody listens: exit code %d", got)
	}
}

// Five hundred lines through cat, as from a shell.
func Example_run() {
	if runtime.GOOS != "linux" {
		fmt.Println(exitOK)
		return
	}
	fmt.Println(run([]string{"-target", "stdio", "-method", "raw", "-d", "16", "-n", "500", "--", "cat"}, io.Discard, os.Stderr))
	// Output: 0
}
