package result

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gannetmcp/gannet/bench/load"
)

func TestValues(t *testing.T) {
	r := &Result{Schema: Schema, Kind: KindWork, Name: "a", ID: "registry.a"}
	r.Add("rate", "1/s", 5)
	r.Add("nothing", "1", math.NaN())
	r.Add("nothing", "1", math.Inf(1))
	r.Add("zero", "1", 0)
	r.Demand("it is so", true, "%d of %d", 3, 3)
	next := &Result{}
	next.Add("rate", "1/s", 7)
	next.Add("more", "ns", 1)
	next.Demand("it is so", false, "2 of 3")
	r.Join(next)
	if v := r.Value("rate"); v == nil || v.Spread() != (Spread{6, 5, 7, 2}) || v.Runs[0] != 5 {
		t.Errorf("%+v", v)
	}
	if r.Value("nothing") != nil || r.Value("zero") == nil || r.Value("more") == nil || len(r.Values) != 3 {
		t.Errorf("%+v", r.Values)
	}
	if f := r.Failures(); len(f) != 1 || f[0].Detail != "2 of 3" || len(r.Checks) != 2 {
		t.Errorf("%+v", r.Checks)
	}
}

func TestSuiteFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "suite.json")
	a, b := sample(1, 1), &Result{Schema: Schema, Kind: KindWork, ID: "latency.clock"}
	b.Add("rate", "1/s", 1)
	s := &Suite{Schema: SuiteSchema, Results: []*Result{a, b}}
	if err := s.WriteFile(path); err != nil {
		t.Fatal(err)
	}
	all, err := ReadAll(path)
	if err != nil || len(all) != 2 || len(all[0].Runs) != 9 || all[1].ID != "latency.clock" || all[1].Value("rate").Runs[0] != 1 {
		t.Fatalf("%+v, %v", all, err)
	}
	// A file of one result is one.
	one := filepath.Join(dir, "one.json")
	if err := a.WriteFile(one); err != nil {
		t.Fatal(err)
	}
	if all, err := ReadAll(one); err != nil || len(all) != 1 || all[0].Runs[0].Rate != a.Runs[0].Rate {
		t.Errorf("%+v, %v", all, err)
	}
	for name, text := range map[string]string{
		"no JSON":       `{`,
		"other schema":  `{"schema":"gannet-perf-suite/0","results":[]}`,
		"an old result": `{"schema":"gannet-perf-suite/1","results":[{"schema":"gannet-perf/0"}]}`,
		"null":          `{"schema":"gannet-perf-suite/1","results":[null]}`,
	} {
		if err := os.WriteFile(one, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if all, err := ReadAll(one); err == nil || !strings.Contains(err.Error(), one) {
			t.Errorf("%s: %v, %v", name, all, err)
		}
	}
	if _, err := ReadAll(filepath.Join(dir, "none")); !os.IsNotExist(err) {
		t.Errorf("no file: %v", err)
	}
	if limit := (&Result{Runs: []*load.Result{{Generator: load.Generator{Saturated: true}}}}); !limit.Saturated() {
		t.Error("a saturated generator does not show")
	}
}
