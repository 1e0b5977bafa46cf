package suite

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gannetmcp/gannet/bench/result"
	"github.com/gannetmcp/gannet/codec"
	"github.com/gannetmcp/gannet/engine/pool"
)

// poolWorkloads are the workloads of the area pool.
func poolWorkloads() []Workload {
	return slices.Concat(connectionPools(), []Workload{poolSizing()}, workerPools())
}

// workerPools are those of the worker pool of handlers, in the three sizes of the
// report.
func workerPools() []Workload {
	var list []Workload
	for _, size := range []struct {
		name           string
		workers, users int
	}{{"small", 10, 100}, {"medium", 50, 500}, {"large", 100, 1000}} {
		list = append(list, Workload{
			ID:    "pool.workers." + size.name,
			Brief: "the worker pool of handlers: " + strconv.Itoa(size.workers) + " workers, " + strconv.Itoa(size.users) + " users",
			Measures: "Conns users, each a goroutine that gives the pool one task at a time and waits for it. A task parses a call of a kilobyte and writes an answer of a kilobyte. p50_us to max_us are from giving the task to its end, wait_ to its begin. " +
				"busy_share is the part of the time of the workers' CPUs (as many as there are workers, at most GOMAXPROCS) in which tasks ran. at_once is how many run when that many tasks wait for each other.",
			Full:  Settings{Time: 3 * time.Second, Count: size.workers, Conns: size.users},
			Quick: Settings{Time: 300 * time.Millisecond, Count: size.workers, Conns: size.users},
			Run:   workers,
		})
	}
	return list
}

// A poolTask is one task of one user, who has no other.
type poolTask struct {
	given, begun, ended int64
	parser              *codec.Parser
	text                []byte
	message             codec.Message
	answer              []byte
	err                 error
	done                chan struct{}
}

// atOnce returns how many workers of a pool of max run at once when each of as many
// tasks waits for all the others to have begun.
func atOnce(ctx context.Context, most int) (int, error) {
	var begun atomic.Int64
	all := make(chan struct{})
	w := pool.NewWorkers(pool.WorkersOptions{Max: most, Queue: most}, func(*poolTask) {
		if begun.Add(1) == int64(most) {
			close(all)
		}
		select {
		case <-all:
		case <-ctx.Done():
		case <-time.After(arrival):
		}
	})
	if n := w.Submit(make([]*poolTask, most)); n != most {
		return 0, fmt.Errorf("the pool took %d tasks of %d", n, most)
	}
	w.Close()
	return w.Stats().Peak, ctx.Err()
}

// members is what tasks answer with.
var members = shapes()[0]

func (t *poolTask) run() {
	t.begun = now()
	t.err = t.parser.Parse(&t.message, t.text)
	t.answer = members.appendResponse(t.answer[:0], t.message.ID(), 9, 0)
	t.ended = now()
	t.done <- struct{}{}
}

func workers(e *Env, s Settings) (*result.Result, error) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	w := pool.NewWorkers(pool.WorkersOptions{Max: s.Count, Queue: s.Conns}, (*poolTask).run)
	defer w.Close()
	parser, text := codec.NewParser(codec.Limits{}), members.request()
	whole, waits := newTiming(1), newTiming(1)
	var (
		mu    sync.Mutex // protects whole, waits, busy and fault
		busy  int64
		fault error
		users sync.WaitGroup
	)
	begin := now()
	end := begin + int64(s.Time)
	for range s.Conns {
		users.Go(func() {
			mine, wait, ran := newTiming(1), newTiming(1), int64(0)
			t := &poolTask{parser: parser, text: text, done: make(chan struct{}, 1)}
			one := []*poolTask{t}
			err := error(nil)
			for now() < end && err == nil && e.Context.Err() == nil {
				t.given = now()
				if w.Submit(one) != 1 {
					err = errors.New("the pool refused a task, though its queue has room for one of each user")
					break
				}
				<-t.done
				err = t.err
				mine.record(now() - t.given)
				wait.record(t.begun - t.given)
				ran += t.ended - t.begun
			}
			mu.Lock()
			defer mu.Unlock()
			whole.times.Merge(mine.times)
			waits.times.Merge(wait.times)
			whole.ops += mine.ops
			busy += ran
			fault = errors.Join(fault, err)
		})
	}
	users.Wait()
	whole.ns = now() - begin
	if fault != nil {
		return nil, fault
	}
	runtime.ReadMemStats(&after)
	stats := w.Stats()
	r := &result.Result{}
	r.Add("rate", "1/s", whole.rate())
	whole.percentiles(r, "")
	waits.percentiles(r, "wait_")
	cpus := min(s.Count, runtime.GOMAXPROCS(0))
	r.Add("busy_share", "ratio", float64(busy)/float64(whole.ns)/float64(cpus))
	r.Add("workers_peak", "1", float64(stats.Peak))
	together, err := atOnce(e.Context, s.Count)
	if err != nil {
		return nil, err
	}
	r.Add("at_once", "1", float64(together))
	r.Add("stack_bytes", "B", float64(int64(after.StackInuse)-int64(before.StackInuse)))
	r.Add("clock_ns", "ns", clockCost())
	r.Demand("every task ran", stats.Refused == 0 && stats.Panics == 0, "%d tasks, %d refused, %d panics", stats.Submitted, stats.Refused, stats.Panics)
	return r, e.Context.Err()
}
