package transports

import (
	"testing"
	"time"

	xhttp2 "golang.org/x/net/http2"

	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/engine/mcp"
)

// Peers that ask for much at once and open no window do not have the server hold
// more than its byte budget allows, however many calls were begun while there was
// room. Others are served meanwhile.
func TestHTTP2Budget(t *testing.T) {
	const budget, conns, calls, size = 1 << 20, 3, 60, `{"bytes":200000}`
	s, _ := webServer(t, mcp.Options{}, engine.Options{MaxBufferedBytes: budget})
	for range conns {
		p := dialHTTP2(t, s.Addrs()[0], xhttp2.Setting{ID: xhttp2.SettingInitialWindowSize, Val: 0})
		for range calls {
			p.modern("blob", size)
		}
		defer p.Close()
	}
	other := dialHTTP2(t, s.Addrs()[0])
	other.must(other.fr.WriteWindowUpdate(0, 1<<30))
	most := int64(0)
	for deadline := time.Now().Add(10 * time.Second); ; {
		snapshot := s.Snapshot()
		most = max(most, snapshot.Engine.BufferedBytes)
		if e := snapshot.Engine; e.CallsPooled+snapshot.HTTP2.Kept >= conns*calls && e.InFlight == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("not all have come: %+v", snapshot.Engine)
		}
		other.want(other.ping(), "200", "serverInfo")
	}
	e := s.Snapshot().Engine
	if most = max(most, e.BufferedBytes); most == 0 || most > 2*budget {
		t.Errorf("%d bytes were held, the budget is %d", most, budget)
	}
	if e.CallsRefused == 0 || e.OverBudget == 0 {
		t.Errorf("%d calls were refused, %d times there was no room", e.CallsRefused, e.OverBudget)
	}
}
