package rounds

import (
	"github.com/gannetmcp/gannet/bench/load"
	"github.com/gannetmcp/gannet/bench/result"
)

// TLSSubjects returns the lines of TLS 1.3, each beside the same without.
func TLSSubjects() []Subject {
	const selfSigned = "--tls-self-signed"
	web, lines := "gannet https call, in the clear", "gannet tls call d16, in the clear"
	list := []Subject{
		{Name: web, Command: gannet("http://127.0.0.1:0", "--addr-file", PlaceAddrFile), HTTP: true, Path: "/mcp", Depth: 1},
		{Name: "gannet https call", Command: gannet("https://127.0.0.1:0", "--addr-file", PlaceAddrFile, selfSigned), HTTP: true, Path: "/mcp", Depth: 1, Secure: true, Base: web},
		{Name: lines, Command: gannet("tcp://127.0.0.1:0", "--addr-file", PlaceAddrFile), Depth: 16},
		{Name: "gannet tls call d16", Command: gannet("tls://127.0.0.1:0", "--addr-file", PlaceAddrFile, selfSigned), Depth: 16, Secure: true, Base: lines},
	}
	for i := range list {
		s := &list[i]
		s.Group, s.Conns, s.Method, s.Size = "tls call", 64, load.MethodCall, callSize
	}
	return paged(list)
}

// tlsGoals are those of TLS that this table can show.
func tlsGoals() []result.Goal {
	return []result.Goal{
		{ID: "P20", Subject: "gannet https call", Metric: MetricCPU, Base: "gannet https call, in the clear", Must: 1.6, Reach: 1.3},
	}
}
