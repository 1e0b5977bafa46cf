package main

import (
	"strings"
	"testing"
)

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
	if err != nil || len(s.peers.Stdio) != 1 || s.peers.Stdio[0].Name != "ts-sdk" {
		t.Errorf("peer: %+v, %v", s.peers, err)
	}
}
