package rounds

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/gannetmcp/gannet/bench/load"
	"github.com/gannetmcp/gannet/bench/result"
)

// Placeholders in the command of a subject.
const (
	PlaceGannet   = "{gannet}"
	PlaceFloor    = "{floor}"
	PlaceAddrFile = "{addr-file}" // a path; the server writes its address there, else to its first line of output
)

// A subject is one line of the table: a server and its load.
type Subject struct {
	Name    string   `json:"name"` // unique
	Group   string   `json:"group"`
	Command []string `json:"command"`
	Stdio   bool     `json:"stdio,omitempty"` // the command is the generator's child
	Conns   int      `json:"conns"`
	Depth   int      `json:"depth"`
	Method  string   `json:"method"`
	Size    int      `json:"size,omitempty"` // of a request, in bytes; 0 for a ping
	Extra   string   `json:"extra,omitempty"`
	// Reconnect is how many calls a connection has, which is then followed by
	// another; 0 is that connections stand.
	Reconnect int    `json:"reconnect,omitempty"`
	Wrk       bool   `json:"wrk,omitempty"`     // HTTP, measured by wrk
	Path      string `json:"path,omitempty"`    // of its URL
	HTTP      bool   `json:"http,omitempty"`    // measured by our generator
	WS        bool   `json:"ws,omitempty"`      // WebSocket
	H2        bool   `json:"h2,omitempty"`      // HTTP/2, measured by our generator; Depth is of streams
	Secure    bool   `json:"secure,omitempty"`  // with TLS, by a certificate that nobody vouches for
	H2load    bool   `json:"h2load,omitempty"`  // HTTP/2, measured by h2load; Depth is of streams
	Echo      bool   `json:"echo,omitempty"`    // it answers by what it is sent
	Session   bool   `json:"session,omitempty"` // it wants one
	Modern    bool   `json:"modern,omitempty"`  // the request is of 2026-07-28
	Base      string `json:"base,omitempty"`    // name of the subject that ratios refer to
	Ours      string `json:"ours,omitempty"`    // of a peer: the subject of ours with the same load

	// Page are arguments that have the server serve a page of its runtime's metrics,
	// on loopback, and say where on its standard error; nil is that it has none.
	Page []string `json:"page,omitempty"`
	// PageCosts is that a server with the page does more for each message. What the
	// page says is then of a run of its own.
	PageCosts bool `json:"page_costs,omitempty"`
}

// The figures that goals are about.
const (
	MetricRate = "rate" // messages a second
	MetricCPU  = "cpu"  // server CPU µs a message
	MetricP50  = "p50"  // µs
	MetricP99  = "p99"  // µs
	metricRSS  = "rss"  // bytes
	metricTail = "p99/p50"
)

// Sizes of requests in bytes: a call, and a line as long as a ping.
const (
	callSize = load.DefaultSize
	pingSize = 50
)

// modernRevision is what Subject.Modern speaks.
const modernRevision = "2026-07-28"

// pooledExtra makes the demo's echo answer from the worker pool, at once.
const pooledExtra = `"ms":0`

// traced runs a Go program so that it reports its garbage collections.
var traced = []string{"env", "GODEBUG=gctrace=1"}

// Quick says that the subject belongs to a short run: of each group one shallow
// and one deep load, nothing pooled, no crowd.
func (s *Subject) Quick() bool {
	return s.Conns <= 64 && s.Extra == "" && !s.Modern && (s.Depth == 1 || s.Depth == 16 && s.Group == "tcp call" || s.Depth == 64 && s.Group != "tcp call")
}

// traced says that the subject reports its garbage collections.
func (s *Subject) traced() bool { return strings.Contains(strings.Join(s.Command, " "), traced[1]) }

func gannet(listen ...string) []string {
	return append(append(append([]string{}, traced...), PlaceGannet, "serve", "--demo", "--listen"), listen...)
}

// gannetPage has gannet serve its admin pages, with which it measures each operation.
var gannetPage = []string{"--admin", "127.0.0.1:0", "--log-level", "info"}

// A Peer is a server that is none of ours. Its command may have placeholders.
type Peer struct {
	Name    string
	Command []string
	Page    []string // Subject.Page
}

// ParsePeer reads NAME=COMMAND with arguments after spaces.
func ParsePeer(v string) (Peer, error) {
	name, command, ok := strings.Cut(v, "=")
	words := strings.Fields(command)
	if !ok || name == "" || len(words) == 0 {
		return Peer{}, fmt.Errorf("%.60q is not NAME=COMMAND", v)
	}
	return Peer{Name: name, Command: words}, nil
}

// Peers are servers of others, by what they are measured on. Those of TCP and
// HTTP listen where they like and print the address as their first line, or
// write it where PlaceAddrFile says.
type Peers struct {
	Stdio  []Peer // MCP servers with the tool echo
	TCP    []Peer
	HTTP   []Peer
	Echoes []Peer // answer an HTTP request by its body
	WS     []Peer // answer a WebSocket's message by what it says
	H2     []Peer // MCP servers with the tool echo, on HTTP/2 by prior knowledge
	// H2Echoes answer a request of HTTP/2 by its body.
	H2Echoes []Peer
}

// Subjects returns the lines of TCP and stdio, a base before those that refer to
// it.
func Subjects(peers Peers) []Subject {
	var list []Subject
	floor := []string{PlaceFloor, "-mode", "line"}
	tcp := gannet("tcp://127.0.0.1:0", "--addr-file", PlaceAddrFile)
	const conns = 64
	for _, d := range []int{1, 16, 64} {
		base := fmt.Sprintf("floor line %d d%d", callSize, d)
		inline := fmt.Sprintf("gannet tcp call d%d", d)
		list = append(list,
			Subject{Name: base, Group: "tcp call", Command: floor, Conns: conns, Depth: d, Method: load.MethodRaw, Size: callSize},
			Subject{Name: inline, Group: "tcp call", Command: tcp, Conns: conns, Depth: d, Method: load.MethodCall, Size: callSize, Base: base},
			Subject{Name: fmt.Sprintf("gannet tcp call pooled d%d", d), Group: "tcp call", Command: tcp, Conns: conns, Depth: d,
				Method: load.MethodCall, Size: callSize, Extra: pooledExtra, Base: inline})
		for _, p := range peers.TCP {
			list = append(list, Subject{Name: fmt.Sprintf("%s tcp call d%d", p.Name, d), Group: "tcp call", Command: p.Command, Conns: conns, Depth: d,
				Method: load.MethodCall, Size: callSize, Base: base, Ours: inline, Page: p.Page})
		}
	}
	for _, d := range []int{1, 16, 64} {
		base := fmt.Sprintf("floor line %d d%d", pingSize, d)
		list = append(list,
			Subject{Name: base, Group: "tcp ping", Command: floor, Conns: conns, Depth: d, Method: load.MethodRaw, Size: pingSize},
			Subject{Name: fmt.Sprintf("gannet tcp ping d%d", d), Group: "tcp ping", Command: tcp, Conns: conns, Depth: d,
				Method: load.MethodPing, Base: base})
		ours := list[len(list)-1].Name
		for _, p := range peers.TCP {
			list = append(list, Subject{Name: fmt.Sprintf("%s tcp ping d%d", p.Name, d), Group: "tcp ping", Command: p.Command, Conns: conns, Depth: d,
				Method: load.MethodPing, Base: base, Ours: ours, Page: p.Page})
		}
	}
	add := func(s Subject) {
		s.Group, s.Conns, s.Depth, s.Method, s.Size, s.Reconnect = "tcp call, a connection each", conns, 1, load.MethodCall, callSize, 1
		list = append(list, s)
	}
	add(Subject{Name: "gannet tcp call r1", Command: tcp})
	for _, p := range peers.TCP {
		add(Subject{Name: p.Name + " tcp call r1", Command: p.Command, Ours: "gannet tcp call r1", Page: p.Page})
	}
	for _, d := range []int{1, 16, 64} {
		base := fmt.Sprintf("cat %d W%d", callSize, d)
		list = append(list,
			Subject{Name: base, Group: "stdio call", Command: []string{"cat"}, Stdio: true, Conns: 1, Depth: d, Method: load.MethodRaw, Size: callSize},
			Subject{Name: fmt.Sprintf("gannet stdio call W%d", d), Group: "stdio call", Command: gannet("stdio"), Stdio: true, Conns: 1,
				Depth: d, Method: load.MethodCall, Size: callSize, Base: base})
		ours := list[len(list)-1].Name
		for _, p := range peers.Stdio {
			list = append(list, Subject{Name: fmt.Sprintf("%s stdio call W%d", p.Name, d), Group: "stdio call", Command: p.Command,
				Stdio: true, Conns: 1, Depth: d, Method: load.MethodCall, Size: callSize, Base: base, Ours: ours, Page: p.Page})
		}
	}
	return paged(list)
}

// paged gives ours the arguments of their page.
func paged(list []Subject) []Subject {
	for i := range list {
		if slices.Contains(list[i].Command, PlaceGannet) {
			list[i].Page, list[i].PageCosts = gannetPage, true
		}
	}
	return list
}

// goals are those of the engine's speed that this table can show.
func goals() []result.Goal {
	return []result.Goal{
		{ID: "P6", Subject: "gannet tcp call d1", Metric: MetricRate, Base: "floor line 1002 d1", Must: 0.75, Reach: 0.88},
		{ID: "P6", Subject: "gannet tcp call d16", Metric: MetricRate, Base: "floor line 1002 d16", Must: 0.25, Reach: 0.45},
		{ID: "P6", Subject: "gannet tcp call d16", Metric: MetricRate, Base: "", Must: 650e3, Reach: 1.2e6},
		{ID: "P7", Subject: "gannet tcp ping d64", Metric: MetricRate, Base: "floor line 50 d64", Must: 0.40, Reach: 0.60},
		{ID: "P7", Subject: "gannet tcp ping d64", Metric: MetricRate, Base: "", Must: 5e6, Reach: 6.5e6},
		{ID: "P9", Subject: "gannet stdio call W64", Metric: MetricRate, Base: "ts-sdk stdio call W64", Must: 10, Reach: 15},
		{ID: "P9", Subject: "gannet stdio call W64", Metric: MetricRate, Base: "go-sdk stdio call W64", Must: 50, Reach: 80},
		{ID: "P9", Subject: "gannet stdio call W64", Metric: MetricRate, Base: "", Must: 385e3, Reach: 570e3},
		{ID: "P10", Subject: "gannet stdio call W1", Metric: MetricP50, Base: "cat 1002 W1", Must: 1.2, Reach: 1.05},
		{ID: "P23", Subject: "gannet tcp call pooled d16", Metric: MetricCPU, Base: "gannet tcp call d16", Must: 2, Reach: 1.4},
	}
}

// GoalsOf returns the goals of subjects.
func GoalsOf(list []Subject) []result.Goal {
	var of []result.Goal
	for _, g := range slices.Concat(goals(), webGoals(), wsGoals(), http2Goals(), tlsGoals()) {
		for i := range list {
			if list[i].Name == g.Subject {
				of = append(of, g)
			}
		}
	}
	return of
}

// Choose returns the subjects whose names match, and those that they are compared
// with.
func Choose(list []Subject, only *regexp.Regexp) []Subject {
	if only == nil {
		return list
	}
	wanted := map[string]bool{}
	for i := len(list) - 1; i >= 0; i-- { // bases stand before what refers to them
		s := list[i]
		if wanted[s.Name] || only.MatchString(s.Name) {
			wanted[s.Name] = true
			wanted[s.Base], wanted[s.Ours] = s.Base != "", s.Ours != ""
		}
	}
	var chosen []Subject
	for _, s := range list {
		if wanted[s.Name] {
			chosen = append(chosen, s)
		}
	}
	return chosen
}

// CommandLine returns the subject's command with the placeholders replaced.
func (s *Subject) CommandLine(places map[string]string) []string {
	var args []string
	for _, a := range s.Command {
		for place, value := range places {
			a = strings.ReplaceAll(a, place, value)
		}
		args = append(args, a)
	}
	return args
}

// Needs says whether the command of any subject has the placeholder.
func Needs(list []Subject, place string) bool {
	for _, s := range list {
		if strings.Contains(strings.Join(s.Command, " "), place) {
			return true
		}
	}
	return false
}
