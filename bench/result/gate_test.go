package result

import (
	"errors"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gannetmcp/gannet/bench/load"
)

// sample is a result of nine runs, whose rate and latency vary by some percent,
// of a server that is slower by a factor.
func sample(seed uint64, slower float64) *Result {
	rng := rand.New(rand.NewPCG(seed, 1))
	r := &Result{Schema: Schema, Kind: KindLoad, Name: "sample", Facts: Facts{CPU: "x", CPUs: 2}}
	for range 9 {
		noise := 1 + (rng.Float64()-0.5)*0.1
		r.Runs = append(r.Runs, &load.Result{Method: "ping", Conns: 4, Depth: 1, Seconds: 1, Messages: 1000, Rate: 50_000 / slower * noise,
			Latency: load.Latency{P50: 80 * slower / noise, P99: 200 * slower / noise, Max: 900},
			Server:  &load.Server{CPUMicros: 4 * slower, RSSAfter: int64(8e6 * slower * slower * slower)}})
	}
	return r
}

// The gate fails a server that has become slower by 15 %, and passes noise: two
// thousand draws of it.
func TestGate(t *testing.T) {
	base := sample(1, 1)
	for seed := range uint64(1000) {
		slow, err := Compare(base, sample(seed+2, 1/0.85))
		if err != nil || !Failed(slow) {
			t.Fatalf("seed %d: 15 %% slower passes: %v %v", seed, slow, err)
		}
		noise, err := Compare(base, sample(seed+2, 1))
		if err != nil || Failed(noise) {
			t.Fatalf("seed %d: noise fails: %v %v", seed, noise, err)
		}
	}
	changes, err := Compare(base, sample(3, 1.2))
	verdicts := map[string]string{}
	for _, c := range changes {
		verdicts[c.Metric] = c.Verdict
	}
	if err != nil || verdicts[MetricRSS] != Warn || verdicts[MetricRate] != Fail || verdicts["p50_us"] != None {
		t.Errorf("%v %v", verdicts, err)
	}
}

// One object a message more fails, and so does one where there was none; what a
// server does by the clock does not.
func TestGateAllocs(t *testing.T) {
	allocating := func(perMessage float64) *Result {
		r := sample(1, 1)
		for _, run := range r.Runs {
			run.Heap = &load.HeapUse{PerMessage: perMessage}
		}
		return r
	}
	for _, c := range []struct {
		before, after float64
		fails         bool
	}{{0, 0, false}, {0, 0.002, false}, {0, 1, true}, {0, 0.02, true}, {12, 12.001, false}, {12, 13, true}, {12, 11, false}} {
		changes, err := Compare(allocating(c.before), allocating(c.after))
		if err != nil || Failed(changes) != c.fails {
			t.Errorf("%v: %v %v", c, changes, err)
		}
	}
	if changes, err := Compare(sample(1, 1), allocating(9)); err != nil || Failed(changes) {
		t.Errorf("not measured before: %v %v", changes, err)
	}
}

func TestIncomparable(t *testing.T) {
	base := sample(1, 1)
	for name, change := range map[string]func(*Result){
		"machine":   func(r *Result) { r.Facts.CPU = "y" },
		"kernel":    func(r *Result) { r.Facts.Kernel = "y" },
		"kind":      func(r *Result) { r.Kind = KindConns },
		"no runs":   func(r *Result) { r.Runs = nil },
		"load":      func(r *Result) { r.Runs[0].Depth = 2 },
		"plan":      func(r *Result) { r.Runs[0].Plan = load.Constant(1, 1) },
		"saturated": func(r *Result) { r.Runs[4].Generator.Saturated = true },
	} {
		other := sample(1, 1)
		change(other)
		if _, err := Compare(base, other); !errors.Is(err, ErrIncomparable) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.json")
	r := sample(1, 1)
	r.Facts = Gather([]string{"perf"})
	if err := r.WriteFile(path); err != nil {
		t.Fatal(err)
	}
	again, err := Read(path)
	if err != nil || again.Facts.Fingerprint() != r.Facts.Fingerprint() || len(again.Runs) != 9 || again.Runs[3].Rate != r.Runs[3].Rate {
		t.Errorf("%+v %v", again, err)
	}
	if r.Facts.Commit == "" || r.Facts.CPU == "" || r.Facts.GOMAXPROCS < 1 {
		t.Errorf("%+v", r.Facts)
	}
	r.Schema = "gannet-perf/0"
	if err := r.WriteFile(path); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(path); err == nil || !strings.Contains(err.Error(), "measure again") {
		t.Errorf("another schema: %v", err)
	}
	var csv strings.Builder
	if err := r.WriteCSV(&csv); err != nil || strings.Count(csv.String(), "\n") != 10 || !strings.HasPrefix(csv.String(), "name,commit,target") {
		t.Errorf("%v: %s", err, &csv)
	}
}
