package suite

import (
	"context"
	"errors"
	"maps"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/bench/erlmcp"
	"github.com/gannetmcp/gannet/bench/load"
	"github.com/gannetmcp/gannet/bench/result"
)

// Ids are unique, in the area that they are listed under, and described.
func TestTable(t *testing.T) {
	seen, area := map[string]bool{}, -1
	for _, w := range Workloads() {
		at := slices.Index(Areas, w.Area())
		switch {
		case seen[w.ID] || !regexp.MustCompile(`^[a-z]+(\.[a-z0-9_]+)+$`).MatchString(w.ID):
			t.Errorf("%s: twice, or badly written", w.ID)
		case at < area || at < 0:
			t.Errorf("%s: its area comes earlier, or is none", w.ID)
		case w.Brief == "" || strings.Contains(w.Brief, "\n") || len(w.Measures) < 30 || !strings.HasSuffix(w.Measures, "."):
			t.Errorf("%s: described by %q, %q", w.ID, w.Brief, w.Measures)
		case w.Run == nil || w.Full == (Settings{}) || w.Quick == (Settings{}) || w.Quick.Time > w.Full.Time:
			t.Errorf("%s: settings %+v and %+v", w.ID, w.Full, w.Quick)
		}
		seen[w.ID], area = true, at
	}
}

func TestSelect(t *testing.T) {
	table := []Workload{{ID: "registry.lookup"}, {ID: "registry.lookup_parallel"}, {ID: "latency.clock"}, {ID: "transport.tcp.d1.1k"}, {ID: "transport.tcp.d16.1k"}}
	for _, c := range []struct{ names, want string }{
		{"all", "registry.lookup registry.lookup_parallel latency.clock transport.tcp.d1.1k transport.tcp.d16.1k"},
		{"registry.lookup", "registry.lookup"},
		{"latency registry", "registry.lookup registry.lookup_parallel latency.clock"},
		{"registry.lookup registry", "registry.lookup registry.lookup_parallel"},
		{"transport.tcp.d1", "transport.tcp.d1.1k"},
		{"transport.tcp", "transport.tcp.d1.1k transport.tcp.d16.1k"},
	} {
		list, err := Select(table, strings.Fields(c.names))
		var ids []string
		for _, w := range list {
			ids = append(ids, w.ID)
		}
		if got := strings.Join(ids, " "); err != nil || got != c.want {
			t.Errorf("%s: %s, %v", c.names, got, err)
		}
	}
	for name, near := range map[string]string{
		"registry.lokup": "registry.lookup",
		"lookup":         "registry.lookup registry.lookup_parallel",
		"latncy":         "latency",
		"clock":          "latency.clock",
		"transport.tcp.": "transport.tcp.d1.1k transport.tcp.d16.1k",
		"zzzzzzz":        "",
		"":               "",
	} {
		_, err := Select(table, []string{name})
		var unknown *UnknownError
		if !errors.As(err, &unknown) {
			t.Errorf("%q: %v", name, err)
			continue
		}
		for id := range strings.FieldsSeq(near) {
			if !slices.Contains(unknown.Near, id) || !strings.Contains(err.Error(), id) {
				t.Errorf("%q: %v, without %s", name, err, id)
			}
		}
		if near == "" && len(unknown.Near) > 0 {
			t.Errorf("%q: near is %v", name, unknown.Near)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "ab", 2}, {"ab", "", 2}, {"lookup", "lookup", 0}, {"lokup", "lookup", 1}, {"kitten", "sitting", 3}, {"ab", "ba", 2}} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("%q to %q: %d", c.a, c.b, got)
		}
	}
}

// tiny are settings with which a workload shows that it works, and no more.
func tiny(s Settings) Settings {
	least := func(v *int, most int) {
		if *v > most {
			*v = most
		}
	}
	s.Time, s.Warmup = min(s.Time, 20*time.Millisecond), min(s.Warmup, 5*time.Millisecond)
	least(&s.Keys, 1000)
	least(&s.Count, 30)
	least(&s.Conns, 20)
	s.Rate = min(s.Rate, 500)
	return s
}

// units are those that figures may have.
var units = []string{"1", "1/s", "ns", "µs", "ms", "s", "B", "MB/s", "ratio"}

// Each workload yields figures with units. Nothing is pinned: the machine may have
// one CPU, and others to serve.
func TestWorkloads(t *testing.T) {
	e := &Env{Context: t.Context(), Gannet: filepath.Join(t.TempDir(), "gannet")}
	if runtime.GOOS == "linux" {
		if out, err := exec.Command("go", "build", "-o", e.Gannet, "../..").CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if err := e.CheckServer(); err != nil {
			t.Fatal(err)
		}
	}
	for _, w := range tried() {
		t.Run(w.ID, func(t *testing.T) {
			repeat := 2
			if w.Server {
				if runtime.GOOS != "linux" {
					t.Skip(load.ErrLinuxOnly)
				}
				repeat = 1
			}
			// What is started dies with the thread that started it.
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			w.Quick = tiny(w.Quick)
			r, err := w.Measure(e, true, repeat, result.Facts{})
			if err != nil {
				t.Fatal(err)
			}
			wantFigures(t, r, repeat)
			for _, run := range r.Runs {
				if run.Answered == 0 {
					t.Errorf("no request was answered: %s", &run.Errors)
				}
			}
			for _, c := range r.Failures() {
				// A run as short as this is at the mercy of the machine: what is late
				// and what the heap has are judged in earnest runs.
				if strings.Contains(c.Name, "heap") || strings.Contains(c.Name, "RSS") || strings.Contains(c.Name, "none skipped") {
					t.Logf("%s: %s", c.Name, c.Detail)
					continue
				}
				t.Errorf("%s: %s", c.Name, c.Detail)
			}
			for _, f := range erlmcp.Figures() {
				if v := r.Value(f.Of); f.Workload == w.ID && v != nil && v.Unit != f.Unit {
					t.Errorf("%s is in %s, %s of the report in %s", v.Name, v.Unit, f.Name, f.Unit)
				}
			}
		})
	}
}

// wantFigures checks a result of some repetitions.
func wantFigures(t *testing.T, r *result.Result, repeat int) {
	t.Helper()
	if len(r.Values) == 0 || r.ID == "" || r.Schema != result.Schema || !slices.Contains(Areas, r.Area) {
		t.Fatalf("%+v", r)
	}
	for _, v := range r.Values {
		if !slices.Contains(units, v.Unit) {
			t.Errorf("%s: unit %q", v.Name, v.Unit)
		}
		if len(v.Runs) > repeat || len(v.Runs) == 0 {
			t.Errorf("%s: %d values of %d repetitions", v.Name, len(v.Runs), repeat)
		}
		if positive := strings.HasSuffix(v.Name, "rate") && !strings.Contains(v.Name, "hit") && r.Area != AreaLoad && r.Area != AreaTransport && r.Area != AreaRegression; positive && v.Spread().Max <= 0 { // one of them may have fallen into another program's time
			t.Errorf("%s: %v", v.Name, v.Runs)
		}
	}
}

// Figures of the report stand beside figures that there are: each workload that it
// names is in the table, and what is not measured says why.
func TestReportFigures(t *testing.T) {
	ids := map[string]bool{}
	for _, w := range Workloads() {
		ids[w.ID] = true
	}
	missing := map[string]bool{}
	for _, f := range erlmcp.Figures() {
		switch {
		case f.Workload != "" && !ids[f.Workload]:
			missing[f.Workload] = true
		case f.Workload == "" && f.Why == "", f.Workload != "" && f.Of == "":
			t.Errorf("%s: no workload and no reason", f.Name)
		}
	}
	if len(missing) > 0 {
		t.Errorf("no workloads: %v", slices.Sorted(maps.Keys(missing)))
	}
}

// A workload ends early when nobody wants its result any more.
func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, w := range Workloads() {
		if w.ID != "registry.lookup" && w.ID != "registry.route" {
			continue
		}
		w.Full = Settings{Time: time.Hour, Keys: 1000}
		if _, err := w.Measure(&Env{Context: ctx}, false, 1, result.Facts{}); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", w.ID, err)
		}
		// As is one that has begun.
		later, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
		_, err := w.Run(&Env{Context: later}, w.Full)
		stop()
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s, begun: %v", w.ID, err)
		}
	}
}
