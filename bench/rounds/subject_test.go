package rounds

import (
	"regexp"
	"slices"
	"testing"
)

var allPeers = Peers{
	Stdio:  []Peer{{"go-sdk", []string{"a"}}, {"mcp-go", []string{"b"}}, {"ts-sdk", []string{"c"}}},
	TCP:    []Peer{{"other", []string{"d"}}},
	HTTP:   []Peer{{"go-sdk", []string{"a"}}, {"go-sdk-tuned", []string{"a"}}, {"mcp-go", []string{"b"}}},
	Echoes: []Peer{{"net-http", []string{"e"}}, {"fasthttp", []string{"f"}}},

	Sockets: []Peer{{"gobwas", []string{"g"}}, {"gws", []string{"h"}}},
}

// A name means one line, a base stands before those that refer to it, and each
// goal speaks of lines that there are.
func TestSubjects(t *testing.T) {
	list := slices.Concat(Subjects(allPeers), WebSubjects(allPeers, false), SocketSubjects(allPeers))
	seen := map[string]bool{}
	for _, s := range list {
		if seen[s.Name] {
			t.Errorf("two subjects are called %q", s.Name)
		}
		if s.Ours != "" && !seen[s.Ours] {
			t.Errorf("%q refers to %q, which does not stand before it", s.Name, s.Ours)
		}
		if s.Base != "" && !seen[s.Base] {
			t.Errorf("%q refers to %q, which does not stand before it", s.Name, s.Base)
		}
		seen[s.Name] = true
	}
	for _, g := range slices.Concat(goals(), webGoals(), socketGoals()) {
		if !seen[g.Subject] || g.Base != "" && !seen[g.Base] {
			t.Errorf("goal %s speaks of %q and %q; one is no subject", g.ID, g.Subject, g.Base)
		}
		if metrics[g.Metric] == nil {
			t.Errorf("goal %s speaks of %q, which is no metric", g.ID, g.Metric)
		}
		if better := g.Reach > g.Must; better != (g.Metric == MetricRate) {
			t.Errorf("goal %s of %q: to reach %v is no better than %v, which it must", g.ID, g.Metric, g.Reach, g.Must)
		}
	}
}

func TestChoose(t *testing.T) {
	list := Subjects(allPeers)
	for pattern, want := range map[string][]string{
		"^gannet tcp ping d64$":        {"floor line 50 d64", "gannet tcp ping d64"},
		"^gannet tcp call pooled d16$": {"floor line 1002 d16", "gannet tcp call d16", "gannet tcp call pooled d16"}, // the base's base too
		"^cat 1002 W1$":                {"cat 1002 W1"},
		"^mcp-go stdio call W1$":       {"cat 1002 W1", "gannet stdio call W1", "mcp-go stdio call W1"}, // what it is compared with too
		"no such subject":              nil,
	} {
		var got []string
		for _, s := range Choose(list, regexp.MustCompile(pattern)) {
			got = append(got, s.Name)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s chooses %q, want %q", pattern, got, want)
		}
	}
	if got := Choose(list, nil); len(got) != len(list) {
		t.Errorf("without a pattern %d of %d are chosen", len(got), len(list))
	}
}

func TestCommand(t *testing.T) {
	s := Subject{Command: []string{PlaceGannet, "serve", "--addr-file=" + PlaceAddrFile}}
	got := s.CommandLine(map[string]string{PlaceGannet: "/bin/g", PlaceAddrFile: "/tmp/a"})
	if want := []string{"/bin/g", "serve", "--addr-file=/tmp/a"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if !Needs([]Subject{s}, PlaceAddrFile) || Needs([]Subject{s}, PlaceFloor) {
		t.Error("needs is wrong")
	}
}

func TestParsePeer(t *testing.T) {
	for _, bad := range []string{"", "x", "x=", "=x", "x= "} {
		if p, err := ParsePeer(bad); err == nil {
			t.Errorf("%q is taken for %+v", bad, p)
		}
	}
	p, err := ParsePeer("ts-sdk=node server.mjs --a=b")
	if err != nil || p.Name != "ts-sdk" || !slices.Equal(p.Command, []string{"node", "server.mjs", "--a=b"}) {
		t.Errorf("%+v, %v", p, err)
	}
}
