package erlmcp

// A Table is one of the report's four summary tables.
type Table struct {
	Title   string
	Columns []string // of figures
	Rows    []Row
}

// A Row has the name of a figure for each column, "" where the report has none.
type Row struct {
	Label   string
	Figures []string
}

// Tables are the summary tables, row by row as the report has them.
func Tables() []Table {
	percentiles := func(label, name string) Row {
		return Row{label, []string{name + "_p50", name + "_p95", name + "_p99"}}
	}
	return []Table{
		{"Throughput", []string{"throughput"}, []Row{
			{"gproc lookup", []string{"gproc_throughput"}},
			{"Message routing", []string{"registry_throughput"}},
			{"TCP transport", []string{"tcp_throughput"}},
			{"HTTP transport", []string{"http_throughput"}},
			{"Poolboy (medium)", []string{"poolboy_medium"}},
		}},
		{"Latency", []string{"p50", "p95", "p99"}, []Row{
			percentiles("gproc lookup", "gproc_lookup"),
			percentiles("Message routing", "routing"),
			percentiles("JSON encode (1KB)", "json_encode"),
			percentiles("JSON decode (1KB)", "json_decode"),
			percentiles("TCP send (1KB)", "tcp_send"),
			percentiles("TCP recv (1KB)", "tcp_recv"),
			{"HTTP p99", []string{"", "", "http_p99_latency"}},
		}},
		{"Memory", []string{"memory"}, []Row{
			{"Binary operations", []string{"memory_binary"}},
			{"ETS operations", []string{"memory_ets"}},
			{"Process creation", []string{"memory_process"}},
		}},
		{"Scalability", []string{"max"}, []Row{
			{"Connections/node", []string{"connections"}},
			{"Poolboy workers", []string{"poolboy_workers"}},
			{"Concurrent requests", []string{"load_heavy_concurrent"}},
			{"Load handling", []string{"load_heavy_success"}},
		}},
	}
}
