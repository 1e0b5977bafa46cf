//go:build !race

package suite

import (
	"strings"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/bench/erlmcp"
)

// tried are the workloads that TestWorkloads runs.
func tried() []Workload { return Workloads() }

// What the report's figures stand beside is among what the workloads measure, given
// the time for it: a short run may lack the outer percentiles.
func TestFiguresOf(t *testing.T) {
	for _, w := range Workloads() {
		if w.Server {
			continue // TestWorkloads has a server; these names are addLoad's
		}
		var wanted []string
		for _, f := range erlmcp.Figures() {
			if f.Workload == w.ID {
				wanted = append(wanted, f.Of)
			}
		}
		if len(wanted) == 0 {
			continue
		}
		s := tiny(w.Quick)
		s.Time = 50 * time.Millisecond
		r, err := w.Run(&Env{Context: t.Context()}, s)
		if err != nil {
			t.Errorf("%s: %v", w.ID, err)
			continue
		}
		for _, name := range wanted {
			for _, q := range []string{"p95_us", "p99_us"} {
				if prefix, outer := strings.CutSuffix(name, q); outer {
					name = prefix + "p50_us"
				}
			}
			if r.Value(name) == nil {
				t.Errorf("%s measures no %s", w.ID, name)
			}
		}
	}
}
