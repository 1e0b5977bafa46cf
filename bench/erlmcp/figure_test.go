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

// metrics are all that the report and its system's documents give figures or
// targets for, and the figures that stand for each here.
var metrics = []struct {
	metric  string
	figures []string
}{
	{"registry lookup", []string{"gproc_throughput", "gproc_lookup_p50", "gproc_lookup_p95", "gproc_lookup_p99", "gproc_lookup_max"}},
	{"message routing", []string{"registry_throughput", "routing_p50", "routing_p95", "routing_p99", "routing_max"}},
	{"find_server", []string{"find_server_p50", "find_server_p95", "find_server_p99", "find_server_max"}},
	{"register, unregister, mixed", []string{"gproc_register", "gproc_unregister", "gproc_mixed"}},
	{"queue in and out", []string{"queue_throughput"}},
	{"JSON encode 1 KB", []string{"json_encode_p50", "json_encode_p95", "json_encode_p99", "json_encode_max"}},
	{"JSON decode 1 KB", []string{"json_decode_p50", "json_decode_p95", "json_decode_p99", "json_decode_max"}},
	{"TCP send 1 KB", []string{"tcp_send_p50", "tcp_send_p95", "tcp_send_p99", "tcp_send_max"}},
	{"TCP recv 1 KB", []string{"tcp_recv_p50", "tcp_recv_p95", "tcp_recv_p99", "tcp_recv_max"}},
	{"TCP throughput 1 KB", []string{"tcp_throughput", "tcp_p50", "tcp_p95", "tcp_p99_latency"}},
	{"HTTP throughput", []string{"http_throughput", "http_p50", "http_p95", "http_p99_latency"}},
	{"WebSocket", []string{"websocket_throughput", "websocket_p99_latency"}},
	{"SSE", []string{"sse_throughput", "sse_p99_latency"}},
	{"stdio", []string{"stdio_throughput", "stdio_p99_latency"}},
	{"pool small", []string{"poolboy_small", "poolboy_small_p50", "poolboy_small_p95", "poolboy_small_p99", "poolboy_small_efficiency"}},
	{"pool medium", []string{"poolboy_medium", "poolboy_medium_p50", "poolboy_medium_p95", "poolboy_medium_p99", "poolboy_medium_efficiency"}},
	{"pool large", []string{"poolboy_large", "poolboy_large_p50", "poolboy_large_p95", "poolboy_large_p99", "poolboy_large_efficiency", "poolboy_workers"}},
	{"connections per node", []string{"connections"}},
	{"connection set-up and tear-down", []string{"connection_setup", "connection_teardown"}},
	{"memory per connection", []string{"memory_connection"}},
	{"light, medium and heavy load", []string{"load_light_rate", "load_medium_rate", "load_heavy_rate", "load_light_success", "load_medium_success", "load_heavy_success", "load_heavy_concurrent"}},
	{"transport latency", []string{"transport_latency"}},
	{"session operations", []string{"session_throughput"}},
	{"sustained", []string{"sustained_rate", "sustained_memory"}},
	{"end to end", []string{"session_rate", "session_p50", "session_p95", "session_p99"}},
	{"overhead of metrics and tracing", []string{"metrics_overhead"}},
	{"TLS", []string{"tls_overhead"}},
	{"urgent messages", []string{"priority_latency"}},
	{"leaks", []string{"memory_binary", "memory_ets", "memory_process"}},
	{"what might be gained", []string{"route_cache_gain", "route_cache_hits", "batch_gain", "index_gain"}},
}

// Every metric has its figures, and no figure is of none.
func TestComplete(t *testing.T) {
	wanted := map[string]bool{}
	for _, m := range metrics {
		for _, name := range m.figures {
			if wanted[name] = true; Named(name) == nil {
				t.Errorf("%s: no figure %s", m.metric, name)
			}
		}
	}
	for _, f := range Figures() {
		if !wanted[f.Name] {
			t.Errorf("%s is of no metric", f.Name)
		}
	}
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
