package suite

import (
	"fmt"
	"time"

	"github.com/gannetmcp/gannet/bench/pooling"
	"github.com/gannetmcp/gannet/bench/result"
	"github.com/gannetmcp/gannet/bench/subject"
)

// sizingLeast is the shortest time that the phases are played in.
const sizingLeast = time.Second

// poolSizing is the workload of a pool that finds its size by itself.
func poolSizing() Workload {
	users := ""
	for i, p := range pooling.Phases {
		users += map[bool]string{true: ", "}[i > 0] + fmt.Sprintf("%s %d", p.Name, p.Users)
	}
	return Workload{
		ID:    "pool.sizing",
		Brief: "the size of a pool as its load steps up, has a burst, and ends, simulated and real", Server: true,
		Measures: "Users (" + users + ") each call, think for 20 ms on average, and call again; a call takes the server 20 ms. The size is found by pool.Controller with its defaults, once in a simulation and once by a pool of connections by TCP to a server of another process. Time is that of all phases, but a second at least. " +
			"NAME_size is the size at the end of a phase, NAME_settled_s from its beginning to the last change in it, NAME_utilisation that of its last quarter, NAME_wait_ms the longest p95 wait of the samples in that quarter; turns are changes in the other direction than the one before, in the same phase.",
		Full:  Settings{Time: 28 * time.Second},
		Quick: Settings{Time: 7 * time.Second},
		Run:   sizing,
	}
}

func sizing(e *Env, s Settings) (*result.Result, error) {
	r := &result.Result{}
	c := pooling.SizingConfig{Seed: 1}.Within(max(s.Time, sizingLeast))
	simulated, err := pooling.Simulate(c)
	if err != nil {
		return nil, err
	}
	err = e.with("tcp://127.0.0.1:0", nil, func(srv *subject.Server) error {
		live, err := c.Trace(e.Context, srv.Addresses[0])
		r.Traces = []result.Trace{simulated, live}
		return err
	})
	if err != nil {
		return nil, err
	}
	for i := range r.Traces {
		addTrace(r, &r.Traces[i])
	}
	return r, nil
}

// addTrace adds the figures of one trace, and what is demanded of it.
func addTrace(r *result.Result, t *result.Trace) {
	prefix := t.Name() + "_"
	turns, least, most := 0, t.Max, t.Min
	for _, p := range t.Phases {
		r.Add(prefix+p.Name+"_size", "1", float64(p.Size))
		r.Add(prefix+p.Name+"_settled_s", "s", p.Settled)
		r.Add(prefix+p.Name+"_utilisation", "ratio", p.Utilisation)
		r.Add(prefix+p.Name+"_wait_ms", "ms", p.WaitMs)
		turns += p.Turns
	}
	for _, p := range t.Points {
		least, most = min(least, p.Size), max(most, p.Size)
	}
	r.Add(prefix+"changes", "1", float64(len(t.Changes)))
	r.Add(prefix+"turns", "1", float64(turns))
	r.Add(prefix+"calls", "1", float64(t.Calls))
	r.Demand(t.Name()+": every call was answered", t.Errors == 0 && t.Calls > 0, "%d calls, %d errors", t.Calls, t.Errors)
	r.Demand(t.Name()+": the size kept its bounds", least >= t.Min && most <= t.Max, "%d to %d, of %d to %d", least, most, t.Min, t.Max)
}
