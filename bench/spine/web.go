package main

import (
	"fmt"

	"github.com/gannetmcp/gannet/bench/load"
)

// webSubjects returns the table's lines of HTTP/1.1, measured with wrk. peers
// serve MCP, echoes answer by what they are sent; both listen where they like
// and print it.
func webSubjects(peers, echoes []peer) []subject {
	var list []subject
	serve := gannet("http://127.0.0.1:0", "--addr-file", placeAddrFile)
	const conns = 64
	for _, d := range []int{1, 16} {
		base := fmt.Sprintf("floor http %d d%d", callSize, d)
		add := func(s subject) {
			s.Group, s.Wrk, s.Conns, s.Depth, s.Method, s.Size = "http call", true, conns, d, load.MethodCall, callSize
			list = append(list, s)
		}
		add(subject{Name: base, Command: []string{placeFloor, "-mode", "http"}})
		add(subject{Name: fmt.Sprintf("gannet http call d%d", d), Command: serve, Path: "/mcp", Session: true, Base: base})
		add(subject{Name: fmt.Sprintf("gannet http call 2026-07-28 d%d", d), Command: serve, Path: "/mcp", Modern: true, Base: base})
		for _, e := range echoes {
			add(subject{Name: fmt.Sprintf("%s d%d", e.name, d), Command: e.command, Base: base})
		}
		if d == 1 {
			for _, p := range peers {
				add(subject{Name: fmt.Sprintf("%s http call d%d", p.name, d), Command: p.command, Path: "/mcp", Base: base})
			}
		}
	}
	const many = 10_000
	crowd := fmt.Sprintf("floor http %d c%d", callSize, many)
	for _, s := range []subject{
		{Name: crowd, Command: []string{placeFloor, "-mode", "http"}},
		{Name: fmt.Sprintf("gannet http call c%d", many), Command: serve, Path: "/mcp", Session: true, Base: crowd},
	} {
		s.Group, s.Wrk, s.Conns, s.Depth, s.Method, s.Size = "http call, many connections", true, many, 1, load.MethodCall, callSize
		list = append(list, s)
	}
	base := "floor http ping d1"
	add := func(s subject) {
		s.Group, s.Wrk, s.Conns, s.Depth, s.Method = "http ping", true, conns, 1, load.MethodPing
		list = append(list, s)
	}
	add(subject{Name: base, Command: []string{placeFloor, "-mode", "http"}})
	add(subject{Name: "gannet http ping d1", Command: serve, Path: "/mcp", Session: true, Base: base})
	for _, p := range peers {
		add(subject{Name: p.name + " http ping d1", Command: p.command, Path: "/mcp", Base: base})
	}
	return list
}

// webGoals are those of HTTP/1.1 that this table can show.
func webGoals() []goal {
	const call, ping = "gannet http call d1", "gannet http ping d1"
	return []goal{
		{"P1", call, metricCPU, "go-sdk http call d1", 1.0 / 30, 1.0 / 40},
		{"P1", call, metricCPU, "go-sdk-tuned http call d1", 1.0 / 20, 1.0 / 27},
		{"P1", call, metricCPU, "mcp-go http call d1", 1.0 / 13, 1.0 / 19},
		{"P1", call, metricCPU, "floor http 1002 d1", 1.5, 1.2},
		{"P1", call, metricCPU, "net-http d1", 1 / 1.6, 1 / 2.0},
		{"P1", call, metricCPU, "fasthttp d1", 1.2, 1},
		{"P2", call, metricP99, "", 1500, 800},
		{"P3", ping, metricCPU, "floor http ping d1", 1.2, 1.05},
		{"P3", ping, metricCPU, "go-sdk http ping d1", 1.0 / 20, 1.0 / 25},
		{"P3", ping, metricCPU, "mcp-go http ping d1", 1.0 / 8, 1.0 / 10},
		{"P15", "gannet http call c10000", metricRate, "floor http 1002 c10000", 0.85, 0.95},
		{"P4", "gannet http call d16", metricCPU, "fasthttp d16", 1, 0.53},
	}
}
