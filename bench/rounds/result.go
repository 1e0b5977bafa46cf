package rounds

import (
	"fmt"
	"strings"
	"time"

	"github.com/gannetmcp/gannet/bench/result"
)

// Compared are the figures that ours and peers are compared by.
var Compared = []string{MetricRate, MetricCPU, MetricP50, MetricP99, metricRSS}

// Summary is what was measured, as the result file has it.
func Summary(subjects []Subject, all []Measurement, rounds int, duration, warmup time.Duration) *result.Peers {
	p := &result.Peers{Rounds: rounds, Duration: duration.Seconds(), Warmup: warmup.Seconds(), Goals: Assess(all, GoalsOf(subjects))}
	for i := range subjects {
		s := &subjects[i]
		part := result.Part{Name: s.Name, Group: s.load(), Command: s.Command, Base: s.Base, Wrk: s.Wrk, Rounds: []int{}, Runs: nil}
		for j := range all {
			m := &all[j]
			if m.Subject != s.Name {
				continue
			}
			if m.Failure != "" {
				part.Failures = append(part.Failures, result.Failure{Round: m.Round, Text: m.Failure})
			}
			if !m.counts() {
				continue
			}
			part.HeapApart = part.HeapApart || m.Result.Heap != nil && s.PageCosts
			part.Rounds, part.Runs = append(part.Rounds, m.Round), append(part.Runs, m.Result)
			if s.traced() {
				part.Collections = append(part.Collections, m.GCCycles)
			}
		}
		p.Parts = append(p.Parts, part)
		if s.Ours == "" {
			continue
		}
		for _, metric := range Compared {
			if spread := result.SpreadOf(Ratios(all, s.Ours, s.Name, metric)); spread.N > 0 {
				p.Ratios = append(p.Ratios, result.Ratio{Part: s.Ours, To: s.Name, Metric: metric, Spread: spread})
			}
		}
	}
	return p
}

// load names what subjects of one load have in common.
func (s *Subject) load() string {
	return fmt.Sprintf("%s, %d connections, depth %d", s.Group, s.Conns, s.Depth)
}

// WriteRatios writes a Markdown table of ours beside peers, if there are any.
func WriteRatios(b *strings.Builder, ratios []result.Ratio) {
	type pair struct{ part, to string }
	var order []pair
	cells := map[pair]map[string]result.Spread{}
	for _, r := range ratios {
		k := pair{r.Part, r.To}
		if cells[k] == nil {
			cells[k] = map[string]result.Spread{}
			order = append(order, k)
		}
		cells[k][r.Metric] = r.Spread
	}
	if len(order) == 0 {
		return
	}
	b.WriteString("\n**ours divided by peers**\n\n| ours | peer | messages/s | CPU | p50 | p99 | RSS |\n|---|---|---:|---:|---:|---:|---:|\n")
	for _, k := range order {
		fmt.Fprintf(b, "| %s | %s |", k.part, k.to)
		for _, metric := range Compared {
			fmt.Fprintf(b, " %s |", Span(cells[k][metric], 1))
		}
		b.WriteByte('\n')
	}
}
