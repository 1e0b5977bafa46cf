package transports

import (
	"runtime"
	"strings"
	"testing"
	"time"
)

// A reader that keeps the only P while it waits gives it back when the
// scheduler asks: the peer, a collection and the server's own end get through,
// all on that P.
func TestHold(t *testing.T) {
	for _, park := range []bool{false, true} {
		t.Run(map[bool]string{false: "hold", true: "park"}[park], func(t *testing.T) {
			s, in, out := startStdio(t, Options{StdioPark: park})
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
			done := make(chan struct{})
			var rounds, collection time.Duration
			go func() {
				defer close(done)
				begin := time.Now()
				for i := range 20 {
					write(t, in, req(i, "echo", ""))
					if got := readLine(t, out); got != res(i, "{}") {
						t.Errorf("got %q", got)
					}
				}
				rounds = time.Since(begin)
				begin = time.Now()
				runtime.GC() // the reader waits for input
				collection = time.Since(begin)
				write(t, in, req(21, "later", `{"ms":1}`)+req(22, "pool", `{}`)) // a timer and a worker
				if got := readLine(t, out) + readLine(t, out); !strings.Contains(got, `"id":21`) || !strings.Contains(got, `"id":22`) {
					t.Errorf("got %q", got)
				}
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			}()
			select {
			case <-done:
				t.Logf("20 round trips in %v, a collection in %v", rounds, collection)
			case <-time.After(30 * time.Second):
				t.Fatal("the only P was never given back")
			}
		})
	}
}

// Where the runtime cannot interrupt, nothing is held.
func TestCanHold(t *testing.T) {
	if got, want := canHold(), runtime.GOOS == "linux"; got != want {
		t.Errorf("canHold is %v on %s", got, runtime.GOOS)
	}
	t.Setenv("GODEBUG", "gctrace=0,asyncpreemptoff=1")
	if canHold() {
		t.Error("holds although the scheduler cannot interrupt")
	}
}
