package rounds

import (
	"fmt"

	"github.com/gannetmcp/gannet/bench/load"
	"github.com/gannetmcp/gannet/bench/result"
)

// SocketSubjects returns the lines of WebSocket. Those of others answer by what they
// are sent, with no protocol above.
func SocketSubjects(peers Peers) []Subject {
	var list []Subject
	serve := gannet("ws://127.0.0.1:0", "--addr-file", PlaceAddrFile)
	for _, d := range []int{1, 16} {
		ours := Subject{Name: fmt.Sprintf("gannet websocket call d%d", d), Group: "websocket call", Command: serve, Conns: 64, Depth: d, Method: load.MethodCall, Size: callSize}
		for i, p := range peers.Sockets {
			s := ours
			s.Name, s.Command, s.Method = fmt.Sprintf("%s websocket echo d%d", p.Name, d), p.Command, load.MethodRaw
			if i == 0 { // what all are compared with
				ours.Base = s.Name
			} else {
				s.Base = ours.Base
			}
			list = append(list, s)
		}
		list = append(list, ours)
	}
	return list
}

// socketGoals are those of WebSocket.
func socketGoals() []result.Goal {
	return []result.Goal{
		{ID: "P8", Subject: "gannet websocket call d1", Metric: MetricCPU, Base: "gobwas websocket echo d1", Must: 1.25, Reach: 1.1},
		{ID: "P8", Subject: "gannet websocket call d16", Metric: MetricCPU, Base: "gobwas websocket echo d16", Must: 1, Reach: 0.7},
		{ID: "P8", Subject: "gannet websocket call d16", Metric: MetricCPU, Base: "gws websocket echo d16", Must: 0.5, Reach: 0.25},
	}
}
