package transports

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/engine"
)

// robustnessRow is one case of bad input, or of a bad peer. While it runs,
// others must be served; afterwards nothing may be left of it: no descriptor,
// goroutine, buffer, connection or call (start's clean-up looks).
type robustnessRow struct {
	n       int
	name    string
	o       Options
	noFresh bool // new connections cannot be served just then, open ones must be
	run     func(t *testing.T, s *Server)
}

// TestRobustness runs the rows. The messages are in robustness_message_test.go,
// the connections in robustness_conn_test.go.
func TestRobustness(t *testing.T) {
	for _, r := range append(messageRows(), connRows()...) {
		t.Run(fmt.Sprintf("row=%02d_%s", r.n, r.name), func(t *testing.T) { r.on(t, "tcp://127.0.0.1:0") })
	}
}

func (r *robustnessRow) on(t *testing.T, url string) {
	s := start(t, r.o, url)
	stop := startBystander(t, s, !r.noFresh)
	defer stop()
	r.run(t, s)
}

// bystanderLimit returns how long a bystander may wait for its ping: half a
// second on a quiet machine, and tests run on others too.
func bystanderLimit() time.Duration {
	if raced {
		return 8 * time.Second
	}
	return 2 * time.Second
}

// startBystander pings on a connection of its own, and if fresh is set on a new
// one each time too, until stop is called.
func startBystander(t *testing.T, s *Server, fresh bool) (stop func()) {
	t.Helper()
	standing, err := dialConn(s.Addrs()[0])
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	var wg sync.WaitGroup
	var worst time.Duration
	pings := 0
	wg.Go(func() {
		defer standing.Close()
		for {
			begin := time.Now()
			err := pingOn(standing)
			if err == nil && fresh {
				var c net.Conn
				if c, err = dialConn(s.Addrs()[0]); err == nil {
					err = pingOn(c)
					_ = c.Close()
				}
			}
			if err != nil {
				t.Errorf("bystander after %d pings: %v", pings, err)
				return
			}
			worst = max(worst, time.Since(begin))
			pings++
			select {
			case <-done:
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
	})
	return func() {
		close(done)
		wg.Wait()
		t.Logf("bystander: %d pings, %v at worst", pings, worst)
		if pings < 1 || worst > bystanderLimit() {
			t.Errorf("a bystander waited %v for its ping (%d answered)", worst, pings)
		}
	}
}

// pingOn asks for a ping and reads its answer.
func pingOn(c net.Conn) error {
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(c, `{"jsonrpc":"2.0","id":"bystander","method":"ping"}`+"\n"); err != nil {
		return err
	}
	const want = `{"jsonrpc":"2.0","id":"bystander","result":{}}` + "\n"
	got := make([]byte, len(want))
	if _, err := io.ReadFull(c, got); err != nil {
		return err
	}
	if string(got) != want {
		return fmt.Errorf("got %q", got)
	}
	return nil
}

// heap returns the bytes of the heap that are in use now.
func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// bounded checks that the heap does not grow by more than limit bytes while f
// runs, and returns f's time.
func bounded(t *testing.T, limit uint64, f func()) time.Duration {
	t.Helper()
	before := heap()
	var peak uint64
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		var m runtime.MemStats
		for {
			select {
			case <-done:
				return
			case <-time.After(5 * time.Millisecond):
				runtime.ReadMemStats(&m)
				peak = max(peak, m.HeapAlloc)
			}
		}
	})
	begin := time.Now()
	f()
	took := time.Since(begin)
	close(done)
	wg.Wait()
	if peak > before+limit {
		t.Errorf("the heap grew by %d bytes, %d are allowed", peak-before, limit)
	}
	return took
}

// drops waits until the server has closed n connections for reason.
func drops(t *testing.T, s *Server, reason engine.CloseReason, n uint64) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d connections closed as %v", n, reason), func() bool {
		e := s.Snapshot().Engine
		return e.ClosedBy(reason) >= n
	})
}

// closedByServer expects that the connection ends, by FIN or RST, whatever
// comes before.
func closedByServer(t *testing.T, c net.Conn) {
	t.Helper()
	if _, err := io.Copy(io.Discard, c); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("still open")
	}
}
