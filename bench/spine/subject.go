package main

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/gannetmcp/gannet/bench/load"
)

// Placeholders in the command of a subject.
const (
	placeGannet   = "{gannet}"
	placeFloor    = "{floor}"
	placeAddrFile = "{addr-file}" // a path; the server writes its address there, else to its first line of output
)

// A subject is one line of the table: a server and its load.
type subject struct {
	Name    string   `json:"name"` // unique
	Group   string   `json:"group"`
	Command []string `json:"command"`
	Stdio   bool     `json:"stdio,omitempty"` // the command is the generator's child
	Conns   int      `json:"conns"`
	Depth   int      `json:"depth"`
	Method  string   `json:"method"`
	Size    int      `json:"size,omitempty"` // of a request, in bytes; 0 for a ping
	Extra   string   `json:"extra,omitempty"`
	Wrk     bool     `json:"wrk,omitempty"`     // HTTP, measured by wrk
	Path    string   `json:"path,omitempty"`    // of its URL
	Session bool     `json:"session,omitempty"` // it wants one
	Modern  bool     `json:"modern,omitempty"`  // the request is of 2026-07-28
	Base    string   `json:"base,omitempty"`    // name of the subject that ratios refer to
}

// The figures that goals are about.
const (
	metricRate = "rate" // messages a second
	metricCPU  = "cpu"  // server CPU µs a message
	metricP50  = "p50"  // µs
	metricP99  = "p99"  // µs
)

// A goal is what a subject should reach: a figure of its own, or with a base the
// ratio to that of the base. Of a rate more is better, of the others less.
type goal struct {
	ID      string  `json:"id"`
	Subject string  `json:"subject"`
	Metric  string  `json:"metric"`
	Base    string  `json:"base,omitempty"`
	Must    float64 `json:"must"`
	Reach   float64 `json:"reach"`
}

// Sizes of requests in bytes: a call, and a line as long as a ping.
const (
	callSize = load.DefaultSize
	pingSize = 50
)

// pooledExtra makes the demo's echo answer from the worker pool, at once.
const pooledExtra = `"ms":0`

// traced runs a Go program so that it reports its garbage collections.
var traced = []string{"env", "GODEBUG=gctrace=1"}

func gannet(listen ...string) []string {
	return append(append(append([]string{}, traced...), placeGannet, "serve", "--demo", "--listen"), listen...)
}

// peer is another MCP server for stdio.
type peer struct {
	name    string
	command []string
}

// subjects returns the table's lines, a base before those that refer to it.
func subjects(peers []peer) []subject {
	var list []subject
	floor := []string{placeFloor, "-mode", "line"}
	tcp := gannet("tcp://127.0.0.1:0", "--addr-file", placeAddrFile)
	const conns = 64
	for _, d := range []int{1, 16, 64} {
		base := fmt.Sprintf("floor line %d d%d", callSize, d)
		inline := fmt.Sprintf("gannet tcp call d%d", d)
		list = append(list,
			subject{Name: base, Group: "tcp call", Command: floor, Conns: conns, Depth: d, Method: load.MethodRaw, Size: callSize},
			subject{Name: inline, Group: "tcp call", Command: tcp, Conns: conns, Depth: d, Method: load.MethodCall, Size: callSize, Base: base},
			subject{Name: fmt.Sprintf("gannet tcp call pooled d%d", d), Group: "tcp call", Command: tcp, Conns: conns, Depth: d,
				Method: load.MethodCall, Size: callSize, Extra: pooledExtra, Base: inline})
	}
	for _, d := range []int{1, 16, 64} {
		base := fmt.Sprintf("floor line %d d%d", pingSize, d)
		list = append(list,
			subject{Name: base, Group: "tcp ping", Command: floor, Conns: conns, Depth: d, Method: load.MethodRaw, Size: pingSize},
			subject{Name: fmt.Sprintf("gannet tcp ping d%d", d), Group: "tcp ping", Command: tcp, Conns: conns, Depth: d,
				Method: load.MethodPing, Base: base})
	}
	for _, d := range []int{1, 16, 64} {
		base := fmt.Sprintf("cat %d W%d", callSize, d)
		list = append(list,
			subject{Name: base, Group: "stdio call", Command: []string{"cat"}, Stdio: true, Conns: 1, Depth: d, Method: load.MethodRaw, Size: callSize},
			subject{Name: fmt.Sprintf("gannet stdio call W%d", d), Group: "stdio call", Command: gannet("stdio"), Stdio: true, Conns: 1,
				Depth: d, Method: load.MethodCall, Size: callSize, Base: base})
		for _, p := range peers {
			list = append(list, subject{Name: fmt.Sprintf("%s stdio call W%d", p.name, d), Group: "stdio call", Command: p.command,
				Stdio: true, Conns: 1, Depth: d, Method: load.MethodCall, Size: callSize, Base: base})
		}
	}
	return list
}

// goals are those of the engine's speed that this table can show.
func goals() []goal {
	return []goal{
		{"P6", "gannet tcp call d1", metricRate, "floor line 1002 d1", 0.75, 0.88},
		{"P6", "gannet tcp call d16", metricRate, "floor line 1002 d16", 0.25, 0.45},
		{"P6", "gannet tcp call d16", metricRate, "", 650e3, 1.2e6},
		{"P7", "gannet tcp ping d64", metricRate, "floor line 50 d64", 0.40, 0.60},
		{"P7", "gannet tcp ping d64", metricRate, "", 5e6, 6.5e6},
		{"P9", "gannet stdio call W64", metricRate, "ts-sdk stdio call W64", 10, 15},
		{"P9", "gannet stdio call W64", metricRate, "go-sdk stdio call W64", 50, 80},
		{"P9", "gannet stdio call W64", metricRate, "", 385e3, 570e3},
		{"P10", "gannet stdio call W1", metricP50, "cat 1002 W1", 1.2, 1.05},
		{"P23", "gannet tcp call pooled d16", metricCPU, "gannet tcp call d16", 2, 1.4},
	}
}

// goalsOf returns the goals of subjects.
func goalsOf(list []subject) []goal {
	var of []goal
	for _, g := range append(goals(), webGoals()...) {
		for i := range list {
			if list[i].Name == g.Subject {
				of = append(of, g)
			}
		}
	}
	return of
}

// choose returns the subjects whose names match, and the bases that they need.
func choose(list []subject, only *regexp.Regexp) []subject {
	if only == nil {
		return list
	}
	wanted := map[string]bool{}
	for i := len(list) - 1; i >= 0; i-- { // bases stand before what refers to them
		s := list[i]
		if wanted[s.Name] || only.MatchString(s.Name) {
			wanted[s.Name] = true
			wanted[s.Base] = s.Base != ""
		}
	}
	var chosen []subject
	for _, s := range list {
		if wanted[s.Name] {
			chosen = append(chosen, s)
		}
	}
	return chosen
}

// command returns the subject's command with the placeholders replaced.
func (s *subject) command(places map[string]string) []string {
	var args []string
	for _, a := range s.Command {
		for place, value := range places {
			a = strings.ReplaceAll(a, place, value)
		}
		args = append(args, a)
	}
	return args
}

// needs says whether the command of any subject has the placeholder.
func needs(list []subject, place string) bool {
	for _, s := range list {
		if strings.Contains(strings.Join(s.Command, " "), place) {
			return true
		}
	}
	return false
}
