package erlmcp

// Sense says which way is better.
type Sense string

// The senses.
const (
	More Sense = "more"
	Less Sense = "less"
)

// Basis says how the report came by a figure.
type Basis string

// The bases.
const (
	Measured Basis = "measured" // of what its name says, as far as reading tells
	Claimed  Basis = "claimed"  // said to be measured, of something else or of nothing that is known
	Expected Basis = "expected" // the report says itself that it was not measured
)

// A Figure is one of the report's.
type Figure struct {
	Name   string  // as the report's baselines have it, or in their style
	Area   string  // of bench/suite
	Label  string  // as the report's tables have it
	Value  float64 // in Unit
	Unit   string
	Sense  Sense
	Target string // of the report, as it is written there; "" is none
	Basis  Basis
	Note   string // what the figure really is

	// Workload is the id of bench/suite that measures the same of ours, and Of its
	// figure. "" is none, and Why says why.
	Workload, Of string
	Why          string
}

// pools is what the ids begin with that stand beside the report's pools.
const pools = "pool."

// Notes that several figures have.
const (
	noteGproc      = "other documents of the same system have this as the figure of a queue; look-ups were measured at 1.83 M/s elsewhere"
	noteRoute      = "no code measures routing: the time is that of making a tuple"
	noteJSON       = "the code encodes 15 bytes, not 1 KB"
	noteSend       = "the time until the send call returns"
	noteRecv       = "no code measures receiving"
	noteTCP        = "one-way sends without a reply; elsewhere of 4 KB with p99 of 5 ms"
	noteHTTP       = "there was no server that could have been measured, and one request in flight a connection"
	notePool       = "at most 1,000 sleeps of 1 ms, and the nominal number of requests divided by their time"
	noteEfficiency = "throughput by the nominal number of requests, which is 1 by the seconds that it took"
	noteLoad       = "sleeping processes: no server, no message"
	noteMemory     = "garbage made and dropped in one function"
	noteThreshold  = "a threshold of its system's validator, not a measurement"
	noteNotMade    = "the report says that it was not measured"
)

// Figures returns the table. The slice is the caller's.
func Figures() []Figure {
	list := []Figure{
		// The baselines of the report, by its names.
		{Name: "registry_throughput", Area: "registry", Label: "Message routing", Value: 553_000, Unit: "1/s", Sense: More, Target: ">500K msg/s", Basis: Claimed, Note: noteRoute, Workload: "registry.route", Of: "rate"},
		{Name: "gproc_throughput", Area: "registry", Label: "gproc lookup", Value: 971_000, Unit: "1/s", Sense: More, Target: ">800K msg/s", Basis: Claimed, Note: noteGproc, Workload: "registry.lookup", Of: "rate"},
		{Name: "transport_latency", Area: "transport", Label: "Transport latency", Value: 55, Unit: "µs", Sense: Less, Target: "60 us", Basis: Claimed, Note: "the code builds a constant", Workload: "transport.tcp.single", Of: "p50_us"},
		{Name: "tcp_throughput", Area: "transport", Label: "TCP transport", Value: 43_000, Unit: "1/s", Sense: More, Target: ">40K msg/s", Basis: Claimed, Note: noteTCP, Workload: "transport.tcp.d1.1k", Of: "rate"},
		{Name: "tcp_p99_latency", Area: "transport", Label: "TCP p99", Value: 450, Unit: "µs", Sense: Less, Target: "<500 us", Basis: Claimed, Note: noteTCP, Workload: "transport.tcp.rate43k", Of: "p99_us"},
		{Name: "http_throughput", Area: "transport", Label: "HTTP transport", Value: 5_000, Unit: "1/s", Sense: More, Target: ">5K req/s", Basis: Claimed, Note: noteHTTP, Workload: "transport.http1.d1.1k", Of: "rate"},
		{Name: "http_p99_latency", Area: "transport", Label: "HTTP p99", Value: 8_200, Unit: "µs", Sense: Less, Target: "<10 ms", Basis: Claimed, Note: noteHTTP, Workload: "transport.http1.rate5k", Of: "p99_us"},
		{Name: "poolboy_small", Area: "pool", Label: "Poolboy (small)", Value: 8_543, Unit: "1/s", Sense: More, Target: ">8K ops/s", Basis: Claimed, Note: notePool, Workload: pools + "small", Of: "rate"},
		{Name: "poolboy_medium", Area: "pool", Label: "Poolboy (medium)", Value: 42_187, Unit: "1/s", Sense: More, Target: ">40K ops/s", Basis: Claimed, Note: notePool, Workload: pools + "medium", Of: "rate"},
		{Name: "poolboy_large", Area: "pool", Label: "Poolboy (large)", Value: 78_234, Unit: "1/s", Sense: More, Target: ">75K ops/s", Basis: Claimed, Note: notePool, Workload: pools + "large", Of: "rate"},

		{Name: "poolboy_small_efficiency", Area: "pool", Label: "Poolboy 10/100 efficiency", Value: 0.85, Unit: "ratio", Sense: More, Target: ">70 %", Basis: Claimed, Note: noteEfficiency, Workload: pools + "small", Of: "efficiency"},
		{Name: "poolboy_medium_efficiency", Area: "pool", Label: "Poolboy 50/500 efficiency", Value: 0.84, Unit: "ratio", Sense: More, Target: ">70 %", Basis: Claimed, Note: noteEfficiency, Workload: pools + "medium", Of: "efficiency"},
		{Name: "poolboy_large_efficiency", Area: "pool", Label: "Poolboy 100/1000 efficiency", Value: 0.78, Unit: "ratio", Sense: More, Target: ">70 %", Basis: Claimed, Note: noteEfficiency, Workload: pools + "large", Of: "efficiency"},

		// Registry figures of the same system's other documents.
		{Name: "gproc_register", Area: "registry", Label: "register", Value: 331_000, Unit: "1/s", Sense: More, Basis: Measured, Note: "not of the report but of its system's registry benchmark", Workload: "registry.register", Of: "rate"},
		{Name: "gproc_unregister", Area: "registry", Label: "unregister", Value: 195_000, Unit: "1/s", Sense: More, Basis: Measured, Note: "not of the report but of its system's registry benchmark", Workload: "registry.unregister", Of: "rate"},
		{Name: "gproc_mixed", Area: "registry", Label: "mixed", Value: 452_000, Unit: "1/s", Sense: More, Basis: Measured, Note: "not of the report but of its system's registry benchmark", Workload: "registry.mixed", Of: "rate"},
		{Name: "queue_throughput", Area: "registry", Label: "queue in and out", Value: 2_690_000, Unit: "1/s", Sense: More, Target: ">2M msg/s", Basis: Claimed, Note: "of the report's companion: a queue that holds one element", Workload: "registry.queue", Of: "spsc_rate"},
		{Name: "session_throughput", Area: "registry", Label: "session operations", Value: 242_000, Unit: "1/s", Sense: More, Basis: Claimed, Note: "of the report's companion: put and get of a table", Workload: "registry.session", Of: "ops_rate"},
		{Name: "route_cache_gain", Area: "registry", Label: "route caching", Value: 0.20, Unit: "ratio", Sense: More, Target: "20-30 %", Basis: Expected, Note: noteNotMade, Workload: "registry.route_cache", Of: "zipf_gain"},
		{Name: "route_cache_hits", Area: "registry", Label: "route cache hit rate", Value: 0.80, Unit: "ratio", Sense: More, Target: ">80 %", Basis: Expected, Note: noteNotMade, Workload: "registry.route_cache", Of: "zipf_hit_rate"},
		{Name: "batch_gain", Area: "registry", Label: "batch operations", Value: 0.50, Unit: "ratio", Sense: More, Target: "50 %", Basis: Expected, Note: noteNotMade, Workload: "registry.batch", Of: "gain_32"},
		{Name: "index_gain", Area: "registry", Label: "secondary index", Value: 0.10, Unit: "ratio", Sense: More, Target: "10-15 %", Basis: Expected, Note: noteNotMade, Workload: "registry.secondary_index", Of: "uniform_gain"},

		// Load.
		{Name: "load_light_rate", Area: "load", Label: "light load", Value: 0.98, Unit: "1/s", Sense: More, Basis: Claimed, Note: noteLoad, Workload: "load.light", Of: "rate"},
		{Name: "load_medium_rate", Area: "load", Label: "medium load", Value: 3.17, Unit: "1/s", Sense: More, Basis: Claimed, Note: noteLoad, Workload: "load.medium", Of: "rate"},
		{Name: "load_heavy_rate", Area: "load", Label: "heavy load", Value: 14.45, Unit: "1/s", Sense: More, Basis: Claimed, Note: noteLoad, Workload: "load.heavy", Of: "rate"},
		{Name: "load_light_success", Area: "load", Label: "light load, answered", Value: 1, Unit: "ratio", Sense: More, Target: ">95%", Basis: Claimed, Note: noteLoad, Workload: "load.light", Of: "success"},
		{Name: "load_medium_success", Area: "load", Label: "medium load, answered", Value: 1, Unit: "ratio", Sense: More, Target: ">95%", Basis: Claimed, Note: noteLoad, Workload: "load.medium", Of: "success"},
		{Name: "load_heavy_success", Area: "load", Label: "Load handling", Value: 0.987, Unit: "ratio", Sense: More, Target: ">95%", Basis: Claimed, Note: noteLoad, Workload: "load.heavy", Of: "success"},
		{Name: "load_heavy_concurrent", Area: "load", Label: "Concurrent requests", Value: 1000, Unit: "1", Sense: More, Target: ">500", Basis: Claimed, Note: noteLoad, Workload: "load.heavy", Of: "connections"},

		{Name: "sustained_rate", Area: "load", Label: "sustained", Value: 372_000, Unit: "1/s", Sense: More, Basis: Claimed, Note: "of its system's stress test: operations within one process, no socket", Workload: "load.soak", Of: "rate"},
		{Name: "sustained_memory", Area: "load", Label: "sustained, memory", Value: 0.01, Unit: "ratio", Sense: Less, Target: "<1 % in an hour", Basis: Expected, Note: noteNotMade, Workload: "load.soak", Of: "rss_change"},
		{Name: "session_rate", Area: "load", Label: "end to end", Value: 1_000, Unit: "1/s", Sense: More, Target: ">1,000 req/s", Basis: Expected, Note: noteThreshold, Workload: "load.sessions", Of: "rate"},
		{Name: "session_p50", Area: "load", Label: "end to end p50", Value: 5_000, Unit: "µs", Sense: Less, Target: "<5 ms", Basis: Expected, Note: noteThreshold, Workload: "load.sessions", Of: "p50_us"},
		{Name: "session_p95", Area: "load", Label: "end to end p95", Value: 20_000, Unit: "µs", Sense: Less, Target: "<20 ms", Basis: Expected, Note: noteThreshold, Workload: "load.sessions", Of: "p95_us"},
		{Name: "session_p99", Area: "load", Label: "end to end p99", Value: 50_000, Unit: "µs", Sense: Less, Target: "<50 ms", Basis: Expected, Note: noteThreshold, Workload: "load.sessions", Of: "p99_us"},
		{Name: "metrics_overhead", Area: "load", Label: "overhead of metrics", Value: 1.04, Unit: "ratio", Sense: Less, Target: "5 %", Basis: Measured, Note: "of its system's benchmark of tracing, against a mock; the report leaves it out", Workload: "load.metrics_overhead", Of: "cpu_overhead"},
		{Name: "tls_overhead", Area: "transport", Label: "overhead of TLS", Value: 0.1, Unit: "ratio", Sense: Less, Target: "<10 %", Basis: Claimed, Note: "no code measures it; the TCP listener it is said of never spoke TLS", Workload: "transport.https.overhead", Of: "cpu_overhead"},
		{Name: "priority_latency", Area: "latency", Label: "urgent message", Value: 5, Unit: "µs", Sense: Less, Basis: Claimed, Note: "of its system's documents: a constant in a file", Workload: "latency.urgent", Of: "batch64_p99_us"},

		// Memory.
		{Name: "memory_binary", Area: "memory", Label: "Binary operations", Value: 0.5e6, Unit: "B", Sense: Less, Basis: Claimed, Note: noteMemory, Workload: "memory.buffers", Of: "heap_left_bytes"},
		{Name: "memory_ets", Area: "memory", Label: "ETS operations", Value: 256e3, Unit: "B", Sense: Less, Basis: Claimed, Note: "a table made for the test, of 1,000 rows", Workload: "memory.registry", Of: "heap_1000_names_bytes"},
		{Name: "memory_process", Area: "memory", Label: "Process creation", Value: 0.1e6, Unit: "B", Sense: Less, Basis: Claimed, Note: "no process was made in the test's code", Workload: "memory.churn", Of: "heap_grown_bytes"},
		{Name: "memory_connection", Area: "memory", Label: "Memory per connection", Value: 2_000, Unit: "B", Sense: Less, Target: "~2 KB", Basis: Claimed, Note: "other documents of the same system say 5 KB, 18.7 KB, 45 KB, 2 MB", Workload: "memory.connections", Of: "heap_each_bytes"},
		{Name: "connections", Area: "memory", Label: "Connections/node", Value: 40_000, Unit: "1", Sense: More, Target: ">40K", Basis: Claimed, Note: "16,373 were counted, the rest is extrapolated", Workload: "memory.connections", Of: "connections"},
		{Name: "connection_setup", Area: "memory", Label: "Connection Setup", Value: 100, Unit: "µs", Sense: Less, Target: "<100 us", Basis: Claimed, Note: "not measured; 67 µs are the mean of one test elsewhere", Workload: "memory.connections", Of: "setup_p99_us"},
		{Name: "connection_teardown", Area: "memory", Label: "Connection Teardown", Value: 50, Unit: "µs", Sense: Less, Target: "<50 us", Basis: Claimed, Note: "not measured", Workload: "memory.connections", Of: "teardown_p99_us"},
		{Name: "poolboy_workers", Area: "pool", Label: "Poolboy workers", Value: 100, Unit: "1", Sense: More, Target: ">50", Basis: Claimed, Note: notePool, Workload: pools + "large", Of: "at_once"},

		// Transports that the report expects figures of.
		{Name: "stdio_throughput", Area: "transport", Label: "stdio transport", Value: 50_000, Unit: "1/s", Sense: More, Target: ">50K msg/s", Basis: Expected, Note: noteNotMade, Workload: "transport.stdio.d64.1k", Of: "rate"},
		{Name: "stdio_p99_latency", Area: "transport", Label: "stdio p99", Value: 1000, Unit: "µs", Sense: Less, Target: "<1 ms", Basis: Expected, Note: noteNotMade, Workload: "transport.stdio.d1.1k", Of: "p99_us"},
		{Name: "sse_throughput", Area: "transport", Label: "SSE transport", Value: 10_000, Unit: "1/s", Sense: More, Target: ">10K evt/s", Basis: Expected, Note: noteNotMade, Workload: "transport.sse.d16.1k", Of: "rate"},
		{Name: "sse_p99_latency", Area: "transport", Label: "SSE p99", Value: 10_000, Unit: "µs", Sense: Less, Target: "<10 ms", Basis: Expected, Note: noteNotMade, Workload: "transport.sse.d1.1k", Of: "p99_us"},
		{Name: "websocket_throughput", Area: "transport", Label: "WebSocket transport", Value: 10_000, Unit: "1/s", Sense: More, Target: ">10K msg/s", Basis: Expected, Note: noteNotMade, Workload: "transport.ws.d16.1k", Of: "rate"},
		{Name: "websocket_p99_latency", Area: "transport", Label: "WebSocket p99", Value: 5_000, Unit: "µs", Sense: Less, Target: "<5 ms", Basis: Expected, Note: noteNotMade, Workload: "transport.ws.d1.1k", Of: "p99_us"},
	}
	for _, d := range distributions {
		list = append(list, d.figures()...)
	}
	return list
}

// A distribution is the percentiles of one operation, in µs; 0 is none.
type distribution struct {
	name, area, label   string
	p50, p95, p99, most float64
	target              string
	note                string
	workload            string
	of                  string // what our figures begin with
}

// distributions are the report's tables of latencies.
var distributions = []distribution{
	{"gproc_lookup", "latency", "gproc lookup", 0.5, 0.8, 2.8, 15, "<5 us", "below the resolution of the clock that was read; " + noteGproc, "latency.gproc_where", "batch64_"},
	{"find_server", "latency", "find_server", 0.8, 1.2, 4.5, 22, "<10 us", "below the resolution of the clock that was read", "latency.find_server", "batch64_"},
	{"routing", "registry", "Message routing", 0.8, 1.2, 4.5, 22, "<10 us", noteRoute, "registry.route", ""},
	{"json_encode", "latency", "JSON encode (1KB)", 3.2, 5.8, 12.4, 45, "<20 us", noteJSON, "latency.jsx_encode", "batch64_"},
	{"json_decode", "latency", "JSON decode (1KB)", 4.1, 7.2, 15.8, 62, "<20 us", noteJSON, "latency.jsx_decode", "batch64_"},
	{"tcp_send", "latency", "TCP send (1KB)", 8.5, 18.2, 45.6, 180, "<100 us", noteSend, "latency.gen_tcp_send", ""},
	{"tcp_recv", "latency", "TCP recv (1KB)", 12.3, 28.4, 78.2, 250, "<100 us", noteRecv, "latency.gen_tcp_recv", ""},
	{"tcp", "transport", "TCP transport", 45, 180, 0, 0, "", noteTCP, "transport.tcp.rate43k", ""}, // its p99 is tcp_p99_latency
	{"http", "transport", "HTTP transport", 2100, 4800, 0, 0, "", noteHTTP, "transport.http1.rate5k", ""},
	{"poolboy_small", "pool", "Poolboy 10/100", 45, 92, 145, 0, "", notePool, pools + "small", ""},
	{"poolboy_medium", "pool", "Poolboy 50/500", 48, 98, 156, 0, "", notePool, pools + "medium", ""},
	{"poolboy_large", "pool", "Poolboy 100/1000", 52, 108, 178, 0, "", notePool, pools + "large", ""},
}

// figures are the percentiles that the distribution has.
func (d *distribution) figures() (list []Figure) {
	for _, q := range []struct {
		name  string
		value float64
	}{{"p50", d.p50}, {"p95", d.p95}, {"p99", d.p99}, {"max", d.most}} {
		if q.value == 0 {
			continue
		}
		f := Figure{Name: d.name + "_" + q.name, Area: d.area, Label: d.label + " " + q.name, Value: q.value, Unit: "µs", Sense: Less, Basis: Claimed, Note: d.note,
			Workload: d.workload, Of: d.of + q.name + "_us"}
		if q.name == "p99" {
			f.Target = d.target
		}
		list = append(list, f)
	}
	return list
}

// Of returns the figures that one figure of a workload stands beside.
func Of(workload, value string) (list []Figure) {
	for _, f := range Figures() {
		if f.Workload == workload && f.Of == value {
			list = append(list, f)
		}
	}
	return list
}

// Named returns the figure of a name. It is nil if there is none.
func Named(name string) *Figure {
	for _, f := range Figures() {
		if f.Name == name {
			return &f
		}
	}
	return nil
}
