package rounds

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/gannetmcp/gannet/bench/load"
)

// wrkScript has wrk send one request over and over, Depth of them at a time, and
// say what it measured as JSON. The placeholders are Lua strings and a number.
const wrkScript = `wrk.method = "POST"
wrk.body = %s
%slocal all
init = function(args)
  local one = {}
  for i = 1, %d do one[i] = wrk.format() end
  all = table.concat(one)
end
request = function() return all end
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format('\n{"requests":%%d,"micros":%%d,"errors":%%d,"mean":%%f,"p50":%%f,"p99":%%f,"p999":%%f,"max":%%f}\n',
    summary.requests, summary.duration, e.connect + e.read + e.write + e.status + e.timeout,
    latency.mean, latency:percentile(50), latency:percentile(99), latency:percentile(99.9), latency.max))
end
`

// wrk is the generator of that name.
func wrk(b *Bench, s *Subject, url, body string, headers [][2]string, d time.Duration) (said otherSaid, err error) {
	var lines strings.Builder
	for _, h := range headers {
		fmt.Fprintf(&lines, "wrk.headers[%s] = %s\n", luaString(h[0]), luaString(h[1]))
	}
	script := filepath.Join(filepath.Dir(b.AddrFile), "wrk.lua")
	if err := os.WriteFile(script, fmt.Appendf(nil, wrkScript, luaString(body), lines.String(), s.Depth), 0o600); err != nil {
		return said, err
	}
	var out bytes.Buffer
	cmd := exec.CommandContext(b.Context, "wrk", "-t", "1", "-c", strconv.Itoa(s.Conns), "-d", seconds(d), "-s", script, url)
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := load.StartPinned(cmd, []int{b.GeneratorCPU}); err != nil {
		return said, err
	}
	if err := cmd.Wait(); err != nil {
		return said, fmt.Errorf("wrk: %w: %s", err, out.Bytes())
	}
	i := bytes.LastIndex(out.Bytes(), []byte("\n{"))
	if i < 0 {
		return said, fmt.Errorf("wrk said no result: %s", out.Bytes())
	}
	return said, json.Unmarshal(out.Bytes()[i:], &said)
}

// seconds is a time as these programs take it, which know whole ones.
func seconds(d time.Duration) string { return strconv.Itoa(max(1, int(d/time.Second))) }

// luaString quotes s, which has no control characters.
func luaString(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
