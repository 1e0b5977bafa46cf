package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"runtime/metrics"
)

// serveMetrics serves what Go's runtime counts on a page of its own, under the names
// of Prometheus's Go collector, and says where on standard error. Reading it does not
// stop the world, as runtime.ReadMemStats does; gannet's page counts the same.
func serveMetrics(address string) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		samples := []metrics.Sample{{Name: "/gc/heap/allocs:objects"}, {Name: "/gc/heap/tiny/allocs:objects"}, {Name: "/gc/heap/allocs:bytes"}}
		metrics.Read(samples)
		var gc debug.GCStats
		debug.ReadGCStats(&gc)
		fmt.Fprintf(w, "go_memstats_mallocs_total %d\ngo_memstats_alloc_bytes_total %d\ngo_gc_duration_seconds_sum %g\ngo_gc_duration_seconds_count %d\n",
			samples[0].Value.Uint64()+samples[1].Value.Uint64(), samples[2].Value.Uint64(), gc.PauseTotal.Seconds(), gc.NumGC)
	})
	go func() { _ = http.Serve(l, mux) }() // to the end of the process
	fmt.Fprintf(os.Stderr, "server: metrics at http://%s/metrics\n", l.Addr())
	return nil
}
