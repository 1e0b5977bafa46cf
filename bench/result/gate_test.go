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

// A server that answers less of what it is asked has become worse, however fast it
// answers the rest; and what is no longer measured does not pass unseen.
func TestGateShares(t *testing.T) {
	with := func(errors, skipped int64) *Result {
		r := sample(1, 1)
		for _, run := range r.Runs {
			run.Sent, run.Answered, run.Starts = 1000, 1000, 1000
		}
		run := r.Runs[3]
		run.ErrorTotal, run.Skipped = errors, skipped
		return r
	}
	for _, c := range []struct {
		before, after *Result
		metric        string // "" is that nothing is said
		fails         bool
	}{
		{with(0, 0), with(0, 0), "", false},
		{with(0, 0), with(1, 0), "errors", true},
		{with(10, 0), with(11, 0), "errors", false},
		{with(10, 0), with(20, 0), "errors", true},
		{with(10, 0), with(0, 0), "errors", false},
		{with(0, 0), with(0, 1), "skipped", true},
		{with(0, 500), with(0, 510), "skipped", false},
		{with(0, 500), with(0, 800), "skipped", true},
	} {
		changes, err := Compare(c.before, c.after)
		said := ""
		for _, m := range changes {
			if m.Metric == "errors" || m.Metric == "skipped" {
				said += m.Metric
			}
		}
		if err != nil || Failed(changes) != c.fails || said != c.metric {
			t.Errorf("%v, %v", changes, err)
		}
	}
	blind := sample(1, 1)
	for _, run := range blind.Runs {
		run.Server = nil
	}
	changes, err := Compare(sample(1, 1), blind)
	found := false
	for _, c := range changes {
		found = found || c.Metric == MetricRSS && c.Verdict == NotMeasured
	}
	if err != nil || !found || Failed(changes) {
		t.Errorf("without the server's process: %v, %v", changes, err)
	}
}

// Of two searches the knees are compared, not the rates that were tried.
func TestGateKnee(t *testing.T) {
	found := func(rate float64) *Result {
		r := sample(1, 1)
		r.Knee = &Knee{Rate: rate, Limit: 1000, Bound: "server"}
		return r
	}
	for rate, fails := range map[float64]bool{1000: false, 950: false, 2000: false, 850: true, 0: true} {
		changes, err := Compare(found(1000), found(rate))
		if err != nil || len(changes) != 1 || Failed(changes) != fails {
			t.Errorf("%v after 1000: %v, %v", rate, changes, err)
		}
	}
	limit, bound := found(1000), found(1000)
	limit.Knee.Limit, bound.Knee.Bound = 2000, "generator"
	for name, other := range map[string]*Result{"none": sample(1, 1), "another limit": limit, "the generator's": bound} {
		if _, err := Compare(found(1000), other); !errors.Is(err, ErrIncomparable) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Two boots of one machine do not agree on its memory to the kB.
func TestSameMachine(t *testing.T) {
	base := Facts{CPU: "x", CPUs: 2, Memory: "24684092 kB", Kernel: "k", System: "linux/amd64"}
	for memory, want := range map[string]bool{"24684092 kB": true, "24683656 kB": true, "16000000 kB": false, "25000000 kB": false, "unknown": false, "": false} {
		other := base
		if other.Memory = memory; base.SameMachine(&other) != want || other.SameMachine(&base) != want {
			t.Errorf("%q: %v", memory, !want)
		}
	}
	other := base
	if other.Kernel = "l"; base.SameMachine(&other) {
		t.Error("another kernel")
	}
}

// A part that fails in more rounds than before is worse, whatever the other rounds say.
func TestComparePeersFailures(t *testing.T) {
	peers := func(failures int, runs ...*load.Result) *Result {
		p := Part{Name: "a", Runs: runs}
		for i := range failures {
			p.Failures = append(p.Failures, Failure{Round: i + 1, Text: "gone"})
		}
		return &Result{Kind: KindPeers, Peers: &Peers{Parts: []Part{p, {Name: "b", Runs: sample(2, 1).Runs}}}}
	}
	good := sample(1, 1).Runs
	for _, c := range []struct {
		before, after *Result
		fails         bool
	}{
		{peers(0, good...), peers(0, good...), false},
		{peers(0, good...), peers(1, good...), true},
		{peers(0, good...), peers(3), true},
		{peers(2, good...), peers(1, good...), false},
		{peers(3), peers(3), false},
	} {
		all, err := ComparePeers(c.before, c.after)
		failed := false
		for _, p := range all {
			failed = failed || Failed(p.Changes)
		}
		if err != nil || failed != c.fails || len(all) != 2 {
			t.Errorf("%+v, %v", all, err)
		}
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
