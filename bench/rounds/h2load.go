package rounds

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gannetmcp/gannet/bench/load"
)

// h2loadTotals is the line in which h2load counts.
var h2loadTotals = regexp.MustCompile(`requests: (\d+) total, \d+ started, \d+ done, (\d+) succeeded,`)

// h2load is nghttp2's generator for HTTP/2, by prior knowledge. Times are from its
// log, which has each request.
func h2load(b *Bench, s *Subject, url, body string, headers [][2]string, d time.Duration) (said otherSaid, err error) {
	dir := filepath.Dir(b.AddrFile)
	data, log := filepath.Join(dir, "h2load.body"), filepath.Join(dir, "h2load.log")
	if err := os.WriteFile(data, []byte(body), 0o600); err != nil {
		return said, err
	}
	_ = os.Remove(log) // it appends
	args := []string{"-t", "1", "-c", strconv.Itoa(s.Conns), "-m", strconv.Itoa(s.Depth), "-D", seconds(d), "-d", data, "--log-file", log}
	for _, h := range headers {
		args = append(args, "-H", strings.ToLower(h[0])+": "+h[1])
	}
	var out bytes.Buffer
	cmd := exec.CommandContext(b.Context, "h2load", append(args, url)...)
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := load.StartPinned(cmd, []int{b.GeneratorCPU}); err != nil {
		return said, err
	}
	begin := time.Now()
	if err := cmd.Wait(); err != nil {
		return said, fmt.Errorf("h2load: %w: %s", err, out.Bytes())
	}
	m := h2loadTotals.FindSubmatch(out.Bytes())
	if m == nil {
		return said, fmt.Errorf("h2load said no result: %s", out.Bytes())
	}
	total, err1 := strconv.ParseInt(string(m[1]), 10, 64)
	good, err2 := strconv.ParseInt(string(m[2]), 10, 64)
	if err1 != nil || err2 != nil || total == 0 {
		return said, fmt.Errorf("h2load said %q", m[0])
	}
	said = otherSaid{Requests: good, Errors: total - good, Micros: time.Since(begin).Microseconds()}
	return said, said.readLog(log)
}

// readLog takes the times from h2load's log: of each request when it began in µs,
// its status, and how many µs it took.
func (said *otherSaid) readLog(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	var took []int64
	var first, last, sum int64
	for lines := bufio.NewScanner(f); lines.Scan(); {
		w := strings.Fields(lines.Text())
		if len(w) < 3 {
			return fmt.Errorf("h2load's log has %q", lines.Text())
		}
		at, err1 := strconv.ParseInt(w[0], 10, 64)
		us, err2 := strconv.ParseInt(w[2], 10, 64)
		if err1 != nil || err2 != nil {
			return fmt.Errorf("h2load's log has %q", lines.Text())
		}
		if first == 0 || at < first {
			first = at
		}
		last = max(last, at+us)
		sum += us
		took = append(took, us)
	}
	if len(took) == 0 || last <= first {
		return fmt.Errorf("h2load's log is empty")
	}
	slices.Sort(took)
	at := func(q float64) float64 { return float64(took[min(len(took)-1, int(q*float64(len(took))))]) }
	said.Micros, said.Mean = last-first, float64(sum)/float64(len(took))
	said.P50, said.P99, said.P999, said.Max = at(0.5), at(0.99), at(0.999), float64(took[len(took)-1])
	return nil
}
