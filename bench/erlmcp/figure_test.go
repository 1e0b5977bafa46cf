package erlmcp

import (
	"slices"
	"testing"
)

// baselines are the names and values that the report's baselines have.
var baselines = map[string]float64{
	"registry_throughput": 553_000, "gproc_throughput": 971_000, "transport_latency": 55, "tcp_throughput": 43_000, "tcp_p99_latency": 450,
	"http_throughput": 5_000, "http_p99_latency": 8_200, "poolboy_small": 8_543, "poolboy_medium": 42_187, "poolboy_large": 78_234,
}

func TestFigures(t *testing.T) {
	areas := []string{"pool", "registry", "latency", "memory", "transport", "load"}
	seen, where := map[string]bool{}, map[string]bool{}
	for _, f := range Figures() {
		switch {
		case seen[f.Name]:
			t.Errorf("%s is there twice", f.Name)
		case f.Value <= 0 || f.Unit == "" || f.Label == "" || f.Note == "":
			t.Errorf("%s: %+v", f.Name, f)
		case f.Sense != More && f.Sense != Less, f.Basis != Measured && f.Basis != Claimed && f.Basis != Expected:
			t.Errorf("%s: sense %q, basis %q", f.Name, f.Sense, f.Basis)
		case !slices.Contains(areas, f.Area):
			t.Errorf("%s: area %q", f.Name, f.Area)
		case (f.Workload == "") != (f.Of == "") || (f.Workload == "") != (f.Why != ""):
			t.Errorf("%s: workload %q, figure %q, why %q", f.Name, f.Workload, f.Of, f.Why)
		case f.Workload != "" && where[f.Workload+" "+f.Of]:
			t.Errorf("%s: two figures stand beside %s of %s", f.Name, f.Of, f.Workload)
		}
		seen[f.Name], where[f.Workload+" "+f.Of] = true, true
	}
	for name, value := range baselines {
		if f := Named(name); f == nil || f.Value != value {
			t.Errorf("%s: %+v, want %v", name, f, value)
		}
	}
	if Named("nothing") != nil {
		t.Error("a figure of no name")
	}
	if list := Of("registry.route", "p99_us"); len(list) != 1 || list[0].Name != "routing_p99" || list[0].Target != "<10 us" || list[0].Value != 4.5 {
		t.Errorf("%+v", list)
	}
	if list := Of("registry.route", "nothing"); list != nil {
		t.Errorf("%+v", list)
	}
}

// The four tables have the report's rows, and name figures that there are.
func TestTables(t *testing.T) {
	rows := map[string]int{"Throughput": 5, "Latency": 7, "Memory": 3, "Scalability": 4}
	for _, table := range Tables() {
		if len(table.Rows) != rows[table.Title] {
			t.Errorf("%s: %d rows, want %d", table.Title, len(table.Rows), rows[table.Title])
		}
		delete(rows, table.Title)
		for _, row := range table.Rows {
			if len(row.Figures) != len(table.Columns) {
				t.Errorf("%s: %d figures in %d columns", row.Label, len(row.Figures), len(table.Columns))
			}
			for _, name := range row.Figures {
				if name != "" && Named(name) == nil {
					t.Errorf("%s: no figure %s", row.Label, name)
				}
			}
		}
	}
	if len(rows) > 0 {
		t.Errorf("missing: %v", rows)
	}
}
