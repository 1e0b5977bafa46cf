package rounds

import (
	"github.com/gannetmcp/gannet/bench/load"
	"github.com/gannetmcp/gannet/bench/result"
)

// HTTP2Subjects returns the lines of HTTP/2 by prior knowledge: 16 connections with 4
// streams each. They are measured by h2load, and then by our generator, which looks at
// each answer.
func HTTP2Subjects(peers Peers) []Subject {
	return append(http2Subjects(peers, true), http2Subjects(peers, false)...)
}

// http2Subjects are the lines of one of the two generators.
func http2Subjects(peers Peers, h2load bool) []Subject {
	var list []Subject
	group, by := "h2 call", ""
	if !h2load {
		group, by = "h2 call, each answer verified", " verified"
	}
	base, ours := "", "gannet h2 call"+by
	add := func(s Subject) {
		s.Group, s.H2load, s.H2, s.Conns, s.Depth, s.Method, s.Size, s.Base = group, h2load, !h2load, 16, 4, load.MethodCall, callSize, base
		list = append(list, s)
	}
	for _, e := range peers.H2Echoes {
		add(Subject{Name: e.Name + " h2" + by, Echo: true, Command: e.Command, Page: e.Page})
		if base == "" {
			base = e.Name + " h2" + by
		}
	}
	serve := gannet("http://127.0.0.1:0", "--addr-file", PlaceAddrFile)
	add(Subject{Name: ours, Command: serve, Path: "/mcp", Session: true})
	add(Subject{Name: "gannet h2 call 2026-07-28" + by, Command: serve, Path: "/mcp", Modern: true})
	for _, p := range peers.H2 {
		add(Subject{Name: p.Name + " h2 call" + by, Command: p.Command, Path: "/mcp", Ours: ours, Page: p.Page})
	}
	return paged(list)
}

// http2Goals are those of HTTP/2.
func http2Goals() []result.Goal {
	return []result.Goal{
		{ID: "P5", Subject: "gannet h2 call", Metric: MetricCPU, Base: "go-sdk h2 call", Must: 1.0 / 25, Reach: 1.0 / 37},
		{ID: "P5", Subject: "gannet h2 call", Metric: MetricCPU, Base: "net-http h2", Must: 1 / 2.7, Reach: 1.0 / 4},
	}
}
