package main

import (
	"cmp"
	"slices"
	"strings"

	"github.com/google/pprof/profile"
)

// Whose CPU time a function's is.
const (
	ofKernel     = "kernel"     // system calls, and what of the kernel is seen
	ofRuntime    = "runtime"    // Go's: scheduler, garbage collection, memory
	ofCodec      = "codec"      // JSON-RPC
	ofTransports = "transports" // wires and the event loop
	ofEngine     = "engine"     // calls, registry, MCP
	ofUser       = "user"       // handlers, and all that is none of these
)

// owners are packages by the beginning of their paths, the more exact first.
var owners = []struct{ prefix, owner string }{
	{module + "/codec", ofCodec},
	{module + "/engine/mcp/fixture", ofUser}, // handlers
	{module + "/engine", ofEngine},
	{module + "/transports", ofTransports},
	{module + "/ringbuf", ofTransports},
	{module, ofUser}, // perf itself, where the generator is looked at
	{"github.com/panjf2000/gnet", ofTransports},
	{"golang.org/x/sys/unix", ofKernel},
	{"internal/runtime/syscall", ofKernel},
	{"runtime/internal/syscall", ofKernel},
	{"syscall", ofKernel},
	{"runtime", ofRuntime},
	{"internal/runtime", ofRuntime},
	{"main", ofUser},
}

const module = "github.com/gannetmcp/gannet"

// runtimeCalls are the runtime's functions that do nothing but enter the kernel.
var runtimeCalls = []string{"runtime.futex", "runtime.epollwait", "runtime.read", "runtime.write1", "runtime.usleep", "runtime.madvise", "runtime.munmap",
	"runtime.sysMmap", "runtime.tgkill", "runtime.osyield", "runtime.nanotime1", "runtime.walltime", "runtime.vdsoCall"}

// packageOf is the path of the package of a function, "" where it has none, as
// assembly may.
func packageOf(function string) string {
	name, _, _ := strings.Cut(function, "[") // type arguments have paths of their own
	slash := strings.LastIndexByte(name, '/') + 1
	dot := strings.IndexByte(name[slash:], '.')
	if dot < 0 {
		return ""
	}
	return name[:slash+dot]
}

// ownerOf says whose a function is; "" leaves it to its caller: the standard
// library, and assembly without a package, work for who calls them.
func ownerOf(function string) string {
	if slices.Contains(runtimeCalls, function) {
		return ofKernel
	}
	path := packageOf(function)
	for _, o := range owners {
		if rest, ok := strings.CutPrefix(path, o.prefix); ok && (rest == "" || rest[0] == '/') {
			return o.owner
		}
	}
	if first, _, _ := strings.Cut(path, "/"); strings.Contains(first, ".") {
		return ofUser // another module
	}
	return ""
}

// A hotFunction is one function of a profile.
type hotFunction struct {
	Name  string  `json:"name"`
	Owner string  `json:"owner"`
	Flat  float64 `json:"flat"` // share of the samples that were in it
	Cum   float64 `json:"cum"`  // and in what it called
}

// An attribution is where the CPU time of a profile went.
type attribution struct {
	Seconds   float64            `json:"cpu_s"` // sampled
	Functions []hotFunction      `json:"functions"`
	Shares    map[string]float64 `json:"shares"` // by owner, of 1
}

// attribute sums up a CPU profile: its n functions with most time of their own,
// and whose time it was. Of a sample the innermost function that has an owner
// decides.
func attribute(p *profile.Profile, n int) attribution {
	a := attribution{Shares: map[string]float64{}}
	value := len(p.SampleType) - 1
	for i, t := range p.SampleType {
		if t.Type == "cpu" {
			value = i
		}
	}
	var total int64
	flat, cum := map[string]int64{}, map[string]int64{}
	shares := map[string]int64{}
	for _, s := range p.Sample {
		v := s.Value[value]
		total += v
		seen := map[string]bool{}
		leaf, owner := "", ""
		for _, l := range s.Location { // from the innermost
			for _, line := range l.Line {
				if line.Function == nil {
					continue
				}
				name := line.Function.Name
				if leaf == "" {
					leaf = name
				}
				if owner == "" {
					owner = ownerOf(name)
				}
				if !seen[name] {
					seen[name] = true
					cum[name] += v
				}
			}
		}
		if owner == "" {
			owner = ofUser
		}
		shares[owner] += v
		if leaf != "" {
			flat[leaf] += v
		}
	}
	if total == 0 {
		return a
	}
	for owner, v := range shares {
		a.Shares[owner] = float64(v) / float64(total)
	}
	for name, v := range flat {
		owner := ownerOf(name)
		if owner == "" {
			owner = "(caller)"
		}
		a.Functions = append(a.Functions, hotFunction{name, owner, float64(v) / float64(total), float64(cum[name]) / float64(total)})
	}
	slices.SortFunc(a.Functions, func(x, y hotFunction) int {
		return cmp.Or(cmp.Compare(y.Flat, x.Flat), cmp.Compare(x.Name, y.Name))
	})
	a.Functions = a.Functions[:min(n, len(a.Functions))]
	a.Seconds = float64(total) / 1e9
	return a
}
