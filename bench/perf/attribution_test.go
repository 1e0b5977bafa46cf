package main

import (
	"math"
	"testing"

	"github.com/google/pprof/profile"
)

func TestOwnerOf(t *testing.T) {
	for function, want := range map[string]string{
		"internal/runtime/syscall/linux.Syscall6":                       ofKernel,
		"internal/runtime/syscall.Syscall6":                             ofKernel,
		"syscall.RawSyscall6":                                           ofKernel,
		"golang.org/x/sys/unix.Writev":                                  ofKernel,
		"runtime.futex":                                                 ofKernel,
		"runtime.mallocgc":                                              ofRuntime,
		"internal/runtime/maps.(*Map).getWithoutKeySmallFastStr":        ofRuntime,
		module + "/codec.(*Parser).Parse":                               ofCodec,
		module + "/engine/registry.(*Table[go.shape.*a/b.C]).Get":       ofEngine,
		module + "/engine/mcp/fixture.AddDemo.func1":                    ofUser,
		module + "/engine/mcp.(*Server).call":                           ofEngine,
		module + "/transports/http1.(*Reader).Next":                     ofTransports,
		module + "/ringbuf.(*Ring).Write":                               ofTransports,
		module + "/codecs.X":                                            ofUser, // another package whose name begins so
		"github.com/panjf2000/gnet/v2/pkg/netpoll.(*Poller).Polling":    ofTransports,
		"github.com/modelcontextprotocol/go-sdk/mcp.(*Server).callTool": ofUser,
		"main.main":             ofUser,
		"bytes.IndexByte":       "",
		"encoding/json.Marshal": "",
		"memeqbody":             "",
		"":                      "",
	} {
		if got := ownerOf(function); got != want {
			t.Errorf("%q is of %q, want %q", function, got, want)
		}
	}
}

// stacks makes a CPU profile of stacks, the innermost function first.
func stacks(all map[int64][][]string) *profile.Profile {
	p := &profile.Profile{SampleType: []*profile.ValueType{{Type: "samples", Unit: "count"}, {Type: "cpu", Unit: "nanoseconds"}}}
	for ns, list := range all {
		for _, names := range list {
			s := &profile.Sample{Value: []int64{1, ns}}
			for _, n := range names {
				s.Location = append(s.Location, &profile.Location{Line: []profile.Line{{Function: &profile.Function{Name: n}}}})
			}
			p.Sample = append(p.Sample, s)
		}
	}
	return p
}

func TestAttribute(t *testing.T) {
	const parse, receive = module + "/codec.Parse", module + "/engine.Receive"
	p := stacks(map[int64][][]string{
		5e8: {{"memeqbody", "bytes.Equal", parse, receive}}, // the codec's, though not in it
		3e8: {{parse, parse, receive}},                      // a recursion counts once
		1e8: {{"runtime.mallocgc", receive}, {"fmt.Sprint"}},
	})
	a := attribute(p, 3)
	near := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 1e-9 {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	near("seconds", a.Seconds, 1)
	near("codec", a.Shares[ofCodec], 0.8)
	near("runtime", a.Shares[ofRuntime], 0.1)
	near("user", a.Shares[ofUser], 0.1)
	near("engine", a.Shares[ofEngine], 0)
	if len(a.Functions) != 3 || a.Functions[0].Name != "memeqbody" || a.Functions[0].Owner != "(caller)" || a.Functions[1].Name != parse || a.Functions[2].Name != "fmt.Sprint" {
		t.Fatalf("%+v", a.Functions)
	}
	near("flat of parse", a.Functions[1].Flat, 0.3)
	near("cum of parse", a.Functions[1].Cum, 0.8)

	if a := attribute(stacks(nil), 3); a.Seconds != 0 || len(a.Functions) != 0 || len(a.Shares) != 0 {
		t.Errorf("of no samples: %+v", a)
	}
}
