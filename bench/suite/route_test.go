package suite

import (
	"testing"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// BenchmarkRoute sends messages by name to a connection on the loop of another
// goroutine: from Route to the connection's Write. With pace=flood ns/op is the
// time a message; with pace=one each waits for the one before, and p50 and p99
// are its way across. A loop that is awake looks at its mailbox all the time;
// one that is asleep must be woken, for which chan=bare has the price.
func BenchmarkRoute(b *testing.B) {
	for _, awake := range []bool{true, false} {
		loop := map[bool]string{true: "awake", false: "asleep"}[awake]
		b.Run("loop="+loop+"/pace=flood", func(b *testing.B) {
			r := benchRouted(b, awake)
			sent := int64(0)
			flood := func(n int) {
				for range n {
					if err := r.send(); err != nil {
						b.Fatal(err)
					}
				}
				if err := r.arrived(sent+int64(n), arrival); err != nil {
					b.Fatal(err)
				}
				sent += int64(n)
			}
			flood(4096) // what grows has grown
			b.ReportAllocs()
			b.ResetTimer()
			flood(b.N)
		})
		b.Run("loop="+loop+"/pace=one", func(b *testing.B) {
			r := benchRouted(b, awake)
			times := hdrhistogram.New(1, 1e9, 3)
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				begin := now()
				if err := r.send(); err != nil {
					b.Fatal(err)
				}
				for awake && r.wire.messages.Load() <= int64(i) { // by spinning, as its loop does
				}
				if err := r.arrived(int64(i)+1, arrival); err != nil {
					b.Fatal(err)
				}
				_ = times.RecordValue(r.wire.at.Load() - begin)
			}
			reportTimes(b, times)
		})
	}
	b.Run("chan=bare/pace=one", func(b *testing.B) {
		wake := make(chan int64)
		back := make(chan int64)
		go func() {
			for range wake {
				back <- now()
			}
			close(back)
		}()
		times := hdrhistogram.New(1, 1e9, 3)
		for range b.N {
			begin := now()
			wake <- 0
			_ = times.RecordValue(<-back - begin)
		}
		close(wake)
		reportTimes(b, times)
	})
}

func benchRouted(b *testing.B, awake bool) *routed {
	b.Helper()
	r, err := newRouted(awake)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(r.stop)
	return r
}

func reportTimes(b *testing.B, times *hdrhistogram.Histogram) {
	b.ReportMetric(float64(times.ValueAtQuantile(50)), "p50-ns")
	b.ReportMetric(float64(times.ValueAtQuantile(99)), "p99-ns")
}
