package admin

import (
	"fmt"
	"runtime/debug"
	rt "runtime/metrics"
	"time"
)

// goRuntime writes what Go's runtime counts, under the names that Prometheus's Go
// collector has for it, which dashboards and load tools know. It does not stop the
// world, as runtime.ReadMemStats does.
func (m *metrics) goRuntime() {
	samples := []rt.Sample{
		{Name: "/sched/goroutines:goroutines"},
		{Name: "/gc/heap/allocs:objects"},
		{Name: "/gc/heap/tiny/allocs:objects"},
		{Name: "/gc/heap/allocs:bytes"},
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/total:bytes"},
		{Name: "/memory/classes/heap/released:bytes"},
	}
	rt.Read(samples)
	of := func(i int) uint64 {
		if samples[i].Value.Kind() != rt.KindUint64 {
			return 0 // a runtime that no longer has it
		}
		return samples[i].Value.Uint64()
	}
	m.one("go_goroutines", "gauge", "Goroutines now.", of(0))
	m.one("go_memstats_mallocs_total", "counter", "Objects ever allocated.", of(1)+of(2))
	m.one("go_memstats_alloc_bytes_total", "counter", "Bytes ever allocated.", of(3))
	m.one("go_memstats_alloc_bytes", "gauge", "Bytes of live objects, and of dead ones not yet swept.", of(4))
	m.one("go_memstats_sys_bytes", "gauge", "Memory that the runtime has of the system now.", of(5)-of(6))
	gc := debug.GCStats{PauseQuantiles: make([]time.Duration, 5)}
	debug.ReadGCStats(&gc)
	const name = "go_gc_duration_seconds"
	m.head(name, "summary", "Pauses of collections: quantiles of the last 256, sum and count of all.")
	for i, q := range gc.PauseQuantiles {
		fmt.Fprintf(m.w, "%s{quantile=\"%g\"} %g\n", name, float64(i)/4, q.Seconds())
	}
	fmt.Fprintf(m.w, "%s_sum %g\n%s_count %d\n", name, gc.PauseTotal.Seconds(), name, gc.NumGC)
}
