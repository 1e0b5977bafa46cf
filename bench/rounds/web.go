package rounds

import (
	"fmt"

	"github.com/gannetmcp/gannet/bench/load"
	"github.com/gannetmcp/gannet/bench/result"
)

// WebSubjects returns the lines of HTTP/1.1, measured by wrk or by our generator.
func WebSubjects(peers Peers, wrk bool) []Subject {
	var list []Subject
	serve := gannet("http://127.0.0.1:0", "--addr-file", PlaceAddrFile)
	const conns = 64
	for _, d := range []int{1, 16} {
		base := fmt.Sprintf("floor http %d d%d", callSize, d)
		add := func(s Subject) {
			s.Group, s.Wrk, s.HTTP, s.Conns, s.Depth, s.Method, s.Size = "http call", wrk, !wrk, conns, d, load.MethodCall, callSize
			list = append(list, s)
		}
		add(Subject{Name: base, Echo: true, Command: []string{PlaceFloor, "-mode", "http"}})
		ours := fmt.Sprintf("gannet http call d%d", d)
		add(Subject{Name: ours, Command: serve, Path: "/mcp", Session: true, Base: base})
		add(Subject{Name: fmt.Sprintf("gannet http call 2026-07-28 d%d", d), Command: serve, Path: "/mcp", Modern: true, Base: base})
		for _, e := range peers.Echoes {
			add(Subject{Name: fmt.Sprintf("%s d%d", e.Name, d), Echo: true, Command: e.Command, Base: base, Ours: ours, Page: e.Page})
		}
		if d == 1 {
			for _, p := range peers.HTTP {
				add(Subject{Name: fmt.Sprintf("%s http call d%d", p.Name, d), Command: p.Command, Path: "/mcp", Base: base, Ours: ours, Page: p.Page})
			}
		}
	}
	const many = 10_000
	crowd := fmt.Sprintf("floor http %d c%d", callSize, many)
	for _, s := range []Subject{
		{Name: crowd, Echo: true, Command: []string{PlaceFloor, "-mode", "http"}},
		{Name: fmt.Sprintf("gannet http call c%d", many), Command: serve, Path: "/mcp", Session: true, Base: crowd},
	} {
		s.Group, s.Wrk, s.HTTP, s.Conns, s.Depth, s.Method, s.Size = "http call, many connections", wrk, !wrk, many, 1, load.MethodCall, callSize
		list = append(list, s)
	}
	base := "floor http ping d1"
	add := func(s Subject) {
		s.Group, s.Wrk, s.HTTP, s.Conns, s.Depth, s.Method = "http ping", wrk, !wrk, conns, 1, load.MethodPing
		list = append(list, s)
	}
	add(Subject{Name: base, Echo: true, Command: []string{PlaceFloor, "-mode", "http"}})
	add(Subject{Name: "gannet http ping d1", Command: serve, Path: "/mcp", Session: true, Base: base})
	for _, p := range peers.HTTP {
		add(Subject{Name: p.Name + " http ping d1", Command: p.Command, Path: "/mcp", Base: base, Ours: "gannet http ping d1", Page: p.Page})
	}
	if wrk { // it opens no sessions
		return paged(list)
	}
	add = func(s Subject) {
		s.Group, s.HTTP, s.Path, s.Conns, s.Depth, s.Method, s.Size, s.Reconnect = "http call, a connection each", true, "/mcp", conns, 1, load.MethodCall, callSize, 1
		list = append(list, s)
	}
	add(Subject{Name: "gannet http call r1", Command: serve, Session: true})
	for _, p := range peers.HTTP {
		add(Subject{Name: p.Name + " http call r1", Command: p.Command, Ours: "gannet http call r1", Page: p.Page})
	}
	return paged(list)
}

// webGoals are those of HTTP/1.1 that this table can show.
func webGoals() []result.Goal {
	const call, ping = "gannet http call d1", "gannet http ping d1"
	return []result.Goal{
		{ID: "P1", Subject: call, Metric: MetricCPU, Base: "go-sdk http call d1", Must: 1.0 / 30, Reach: 1.0 / 40},
		{ID: "P1", Subject: call, Metric: MetricCPU, Base: "go-sdk-tuned http call d1", Must: 1.0 / 20, Reach: 1.0 / 27},
		{ID: "P1", Subject: call, Metric: MetricCPU, Base: "mcp-go http call d1", Must: 1.0 / 13, Reach: 1.0 / 19},
		{ID: "P1", Subject: call, Metric: MetricCPU, Base: "floor http 1002 d1", Must: 1.5, Reach: 1.2},
		{ID: "P1", Subject: call, Metric: MetricCPU, Base: "net-http d1", Must: 1 / 1.6, Reach: 1 / 2.0},
		{ID: "P1", Subject: call, Metric: MetricCPU, Base: "fasthttp d1", Must: 1.2, Reach: 1},
		{ID: "P2", Subject: call, Metric: MetricP99, Base: "", Must: 1500, Reach: 800},
		{ID: "P2", Subject: call, Metric: metricTail, Must: 3, Reach: 3},
		{ID: "P3", Subject: ping, Metric: MetricCPU, Base: "floor http ping d1", Must: 1.2, Reach: 1.05},
		{ID: "P3", Subject: ping, Metric: MetricCPU, Base: "go-sdk http ping d1", Must: 1.0 / 20, Reach: 1.0 / 25},
		{ID: "P3", Subject: ping, Metric: MetricCPU, Base: "mcp-go http ping d1", Must: 1.0 / 8, Reach: 1.0 / 10},
		{ID: "P15", Subject: "gannet http call c10000", Metric: MetricRate, Base: "floor http 1002 c10000", Must: 0.85, Reach: 0.95},
		{ID: "P15", Subject: "gannet http call c10000", Metric: metricTail, Must: 2.2, Reach: 2.2},
		{ID: "P4", Subject: "gannet http call d16", Metric: MetricCPU, Base: "fasthttp d16", Must: 1, Reach: 0.53},
	}
}
