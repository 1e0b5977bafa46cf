package rounds

import (
	"slices"
	"strings"
	"testing"

	"github.com/gannetmcp/gannet/bench/load"
)

// Each server of HTTP/2 is measured by h2load and by our generator with the same load,
// in groups of their own; goals are about the first.
func TestHTTP2Subjects(t *testing.T) {
	p := Peers{H2: []Peer{{Name: "go-sdk", Command: []string{"a"}, Page: []string{"-page"}}}, H2Echoes: []Peer{{Name: "net-http", Command: []string{"b"}, Page: []string{"-page"}}}}
	list := HTTP2Subjects(p)
	by := map[bool][]string{}
	groups := map[bool]string{}
	seen := map[string]bool{}
	for _, s := range list {
		ours := slices.Contains(s.Command, PlaceGannet)
		if seen[s.Name] || s.Base != "" && !seen[s.Base] || s.Ours != "" && !seen[s.Ours] {
			t.Errorf("%q is there twice, or refers to %q or %q before they are", s.Name, s.Base, s.Ours)
		}
		if s.H2 == s.H2load || s.Page == nil || s.PageCosts != ours || s.Conns != 16 || s.Depth != 4 || groups[s.H2] != "" && groups[s.H2] != s.Group {
			t.Errorf("%+v", s)
		}
		if o := s.Load(); s.H2 && (o.Method == load.MethodRaw) != s.Echo || o.Size != callSize {
			t.Errorf("%q: %+v", s.Name, o)
		}
		if got, want := s.Target("http://127.0.0.1:1"), "h2c://127.0.0.1:1"+s.Path; s.H2 && got != want {
			t.Errorf("%q is at %s, want %s", s.Name, got, want)
		}
		seen[s.Name], groups[s.H2] = true, s.Group
		by[s.H2] = append(by[s.H2], strings.TrimSuffix(s.Name, " verified"))
	}
	if want := []string{"net-http h2", "gannet h2 call", "gannet h2 call 2026-07-28", "go-sdk h2 call"}; !slices.Equal(by[false], want) || !slices.Equal(by[true], want) || groups[true] == groups[false] {
		t.Errorf("%q, %q, in %v", by[false], by[true], groups)
	}
	for _, g := range http2Goals() {
		if !seen[g.Subject] || !seen[g.Base] {
			t.Errorf("goal %s speaks of %q and %q; one is no subject", g.ID, g.Subject, g.Base)
		}
	}
}
