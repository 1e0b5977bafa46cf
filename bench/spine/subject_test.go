package main

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

var allPeers = []peer{{"go-sdk", []string{"a"}}, {"mcp-go", []string{"b"}}, {"ts-sdk", []string{"c"}}}

// A name means one line, a base stands before those that refer to it, and each
// goal speaks of lines that there are.
func TestSubjects(t *testing.T) {
	list := subjects(allPeers)
	seen := map[string]bool{}
	for _, s := range list {
		if seen[s.Name] {
			t.Errorf("two subjects are called %q", s.Name)
		}
		if s.Base != "" && !seen[s.Base] {
			t.Errorf("%q refers to %q, which does not stand before it", s.Name, s.Base)
		}
		seen[s.Name] = true
	}
	for _, g := range goals() {
		if !seen[g.Subject] || g.Base != "" && !seen[g.Base] {
			t.Errorf("goal %s speaks of %q and %q; one is no subject", g.ID, g.Subject, g.Base)
		}
		if metrics[g.Metric] == nil {
			t.Errorf("goal %s speaks of %q, which is no metric", g.ID, g.Metric)
		}
		if better := g.Reach > g.Must; better != (g.Metric == metricRate) {
			t.Errorf("goal %s of %q: to reach %v is no better than %v, which it must", g.ID, g.Metric, g.Reach, g.Must)
		}
	}
}

func TestChoose(t *testing.T) {
	list := subjects(allPeers)
	for pattern, want := range map[string][]string{
		"^gannet tcp ping d64$":        {"floor line 50 d64", "gannet tcp ping d64"},
		"^gannet tcp call pooled d16$": {"floor line 1002 d16", "gannet tcp call d16", "gannet tcp call pooled d16"}, // the base's base too
		"^cat 1002 W1$":                {"cat 1002 W1"},
		"no such subject":              nil,
	} {
		var got []string
		for _, s := range choose(list, regexp.MustCompile(pattern)) {
			got = append(got, s.Name)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s chooses %q, want %q", pattern, got, want)
		}
	}
	if got := choose(list, nil); len(got) != len(list) {
		t.Errorf("without a pattern %d of %d are chosen", len(got), len(list))
	}
}

func TestCommand(t *testing.T) {
	s := subject{Command: []string{placeGannet, "serve", "--addr-file=" + placeAddrFile}}
	got := s.command(map[string]string{placeGannet: "/bin/g", placeAddrFile: "/tmp/a"})
	if want := []string{"/bin/g", "serve", "--addr-file=/tmp/a"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if !needs([]subject{s}, placeAddrFile) || needs([]subject{s}, placeFloor) {
		t.Error("needs is wrong")
	}
}

func TestParseFlags(t *testing.T) {
	for _, tc := range []struct {
		args string
		bad  string // in the message; "" for good
	}{
		{"", ""},
		{"-rounds 5 -duration 1s -only x -server-cpu 1 -gen-cpu 0", ""},
		{"-rounds 0", "-rounds"},
		{"-duration 0s", "-duration"},
		{"-warmup -1s", "-warmup"},
		{"-server-cpu 1", "two CPUs"},
		{"-only (", "-only"},
		{"-peer x", "NAME=COMMAND"},
		{"-peer x=", "NAME=COMMAND"},
		{"-peer =x", "NAME=COMMAND"},
		{"stray", "stray"},
		{"-no-such", "no-such"},
	} {
		var out strings.Builder
		s, err := parse(strings.Fields(tc.args), &out)
		if (err == nil) != (tc.bad == "") || !strings.Contains(out.String(), tc.bad) {
			t.Errorf("%q: %v, said %q", tc.args, err, out.String())
		}
		if tc.args == "" && (s.rounds != 3 || s.only != nil || s.serverCPU == s.genCPU) {
			t.Errorf("defaults: %+v", s)
		}
	}
	s, err := parse([]string{"-peer", "ts-sdk=node server.mjs"}, &strings.Builder{})
	if err != nil || len(s.peers) != 1 || s.peers[0].name != "ts-sdk" || !slices.Equal(s.peers[0].command, []string{"node", "server.mjs"}) {
		t.Errorf("peer: %+v, %v", s.peers, err)
	}
}
