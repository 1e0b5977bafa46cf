package peers

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// perf peers with the peers themselves: each answers the generator on stdio and
// over HTTP, without an error, and says what its runtime has counted.
func TestPerfPeers(t *testing.T) {
	if runtime.GOOS != "linux" || runtime.NumCPU() < 2 {
		t.Skip("needs Linux and two CPUs")
	}
	dir := t.TempDir()
	for _, b := range []struct{ at, pkg, name string }{{"../..", ".", "gannet"}, {"../..", "./bench/floor", "floor"}, {"../..", "./bench/perf", "perf"}, {".", "./server", "peer"}} {
		cmd := exec.Command("go", "build", "-o", filepath.Join(dir, b.name), b.pkg)
		cmd.Dir = b.at
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("build %s: %v: %s", b.pkg, err, out)
		}
	}
	file := filepath.Join(dir, "peers.json")
	cmd := exec.CommandContext(t.Context(), filepath.Join(dir, "perf"), "peers", "-q", "--transport", "stdio,http", "--rounds", "1", "--quick",
		"--warmup", "50ms", "--duration", "200ms", "--only", "(http call d1|net-http d1|fasthttp d1|http ping d1|stdio call W1)$", "--out", file)
	var errs bytes.Buffer
	cmd.Stderr, cmd.WaitDelay = &errs, time.Second
	out, err := cmd.Output()
	const saturated = 6
	if code := cmd.ProcessState.ExitCode(); code != 0 && code != saturated {
		t.Fatalf("%v: %s%s", err, out, errs.Bytes())
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var r struct {
		Peers struct {
			Parts []struct {
				Name string
				Runs []struct {
					Messages   int64
					ErrorTotal int64 `json:"error_total"`
					Heap       *struct {
						Each float64 `json:"allocs_per_message"`
					} `json:"server_heap"`
				}
			}
		}
	}
	if err := json.Unmarshal(b, &r); err != nil {
		t.Fatal(err)
	}
	measured, allocs := map[string]int64{}, map[string]float64{}
	for _, p := range r.Peers.Parts {
		if len(p.Runs) == 1 && p.Runs[0].ErrorTotal == 0 {
			measured[p.Name], allocs[p.Name] = p.Runs[0].Messages, -1
			if h := p.Runs[0].Heap; h != nil {
				allocs[p.Name] = h.Each
			}
		}
	}
	for _, peer := range []string{"gannet", "go-sdk", "go-sdk-tuned", "mcp-go", "mcp-go-tuned"} {
		for _, part := range []string{" stdio call W1", " http call d1", " http ping d1"} {
			if measured[peer+part] == 0 {
				t.Errorf("%s%s: nothing was measured; %s", peer, part, errs.Bytes())
			}
			// The libraries allocate dozens of objects for a message, gannet none: what
			// is counted of it is of the server's start and its clocks.
			if n := allocs[peer+part]; n < 0 || (n < 5) != (peer == "gannet") {
				t.Errorf("%s%s: %.3g objects allocated a message", peer, part, n)
			}
		}
	}
	for _, echo := range []string{"net-http d1", "fasthttp d1", "floor http 1002 d1"} {
		if measured[echo] == 0 {
			t.Errorf("%s: nothing was measured", echo)
		}
		if n := allocs[echo]; (n < 0) != strings.HasPrefix(echo, "floor") {
			t.Errorf("%s: %.3g objects allocated a message", echo, n)
		}
	}
}
