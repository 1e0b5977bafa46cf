package rounds

import (
	"fmt"

	"github.com/gannetmcp/gannet/bench/load"
	"github.com/gannetmcp/gannet/bench/result"
)

// WSSubjects returns the lines of WebSocket. What they are compared with are
// echoes by libraries, which send each answer by itself.
func WSSubjects(peers Peers) []Subject {
	var list []Subject
	serve := gannet("http://127.0.0.1:0", "--addr-file", PlaceAddrFile)
	const conns = 64
	for _, d := range []int{1, 16} {
		ours := fmt.Sprintf("gannet ws call d%d", d)
		add := func(s Subject) {
			s.Group, s.WS, s.Path, s.Conns, s.Depth, s.Method, s.Size = "ws call", true, "/ws", conns, d, load.MethodCall, callSize
			list = append(list, s)
		}
		base := ""
		for i, e := range peers.WS {
			name := fmt.Sprintf("%s ws %d d%d", e.Name, callSize, d)
			if i == 0 {
				add(Subject{Name: name, Echo: true, Command: e.Command, Page: e.Page})
				base = name
				add(Subject{Name: ours, Command: serve, Base: base})
				continue
			}
			add(Subject{Name: name, Echo: true, Command: e.Command, Base: base, Ours: ours, Page: e.Page})
		}
		if base == "" {
			add(Subject{Name: ours, Command: serve})
		}
	}
	return paged(list)
}

// wsGoals are those of WebSocket.
func wsGoals() []result.Goal {
	return []result.Goal{
		{ID: "P8", Subject: "gannet ws call d1", Metric: MetricCPU, Base: "gobwas ws 1002 d1", Must: 1.25, Reach: 1.1},
		{ID: "P8", Subject: "gannet ws call d16", Metric: MetricCPU, Base: "gobwas ws 1002 d16", Must: 1, Reach: 0.68},
		{ID: "P8", Subject: "gannet ws call d16", Metric: MetricCPU, Base: "gws ws 1002 d16", Must: 1, Reach: 0.25},
	}
}
