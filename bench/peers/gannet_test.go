package peers

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

// gannet is the program under test.
var gannet string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "gannet-interop-")
	if err == nil {
		gannet = filepath.Join(dir, "gannet")
		cmd := exec.Command("go", "build", "-o", gannet, ".")
		cmd.Dir = filepath.Join("..", "..")
		cmd.Stderr = os.Stderr
		err = cmd.Run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "cannot build gannet:", err)
		os.Exit(1)
	}
	code := m.Run()
	if code == 0 {
		// gnet keeps one pool of goroutines for the process.
		if err := goleak.Find(
			goleak.IgnoreTopFunction("github.com/panjf2000/ants/v2.(*poolCommon).purgeStaleWorkers"),
			goleak.IgnoreTopFunction("github.com/panjf2000/ants/v2.(*poolCommon).ticktock"),
		); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// startGannet serves with the arguments, and returns the URLs that it says it listens
// on, in the order of the arguments' --listen. It is told to end when the test does, and
// must do so well.
func startGannet(t *testing.T, args ...string) (urls []string) {
	t.Helper()
	cmd := exec.Command(gannet, append([]string{"serve"}, args...)...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_, _ = io.Copy(io.Discard, lines)
		if err := cmd.Wait(); err != nil {
			t.Errorf("gannet: %v", err)
		}
	})
	for _, arg := range args {
		if arg != "--listen" {
			continue
		}
		line, err := lines.ReadString('\n')
		url, ok := strings.CutPrefix(strings.TrimSpace(line), "listening ")
		if err != nil || !ok {
			t.Fatalf("%q, %v", line, err)
		}
		urls = append(urls, url)
	}
	return urls
}
