package result

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"

	"github.com/gannetmcp/gannet/bench/load"
)

// Schema is the version of the format. A reader refuses others.
const Schema = "gannet-perf/1"

// Kinds of results.
const (
	KindLoad  = "load"
	KindConns = "conns"
	KindPeers = "peers"
)

// A Result is one measurement: of a load, run once or several times, of
// connections that stand, or of several servers beside each other.
type Result struct {
	Schema string         `json:"schema"`
	Kind   string         `json:"kind"`
	Name   string         `json:"name"` // stands in tables and plots
	Facts  Facts          `json:"facts"`
	Runs   []*load.Result `json:"runs,omitempty"`  // of KindLoad
	Knee   *Knee          `json:"knee,omitempty"`  // where it was looked for; Runs are the rates tried
	Conns  *Conns         `json:"conns,omitempty"` // of KindConns
	Peers  *Peers         `json:"peers,omitempty"` // of KindPeers

	// Of perf run: the workload, and its figures. Those of a load are besides in
	// Runs, with all that they depend on.
	ID       string  `json:"id,omitempty"`
	Area     string  `json:"area,omitempty"`
	Quick    bool    `json:"quick,omitempty"` // by the short settings
	Settings string  `json:"settings,omitempty"`
	Values   []Value `json:"values,omitempty"`
	Traces   []Trace `json:"traces,omitempty"` // of the last repetition
	Checks   []Check `json:"checks,omitempty"`
	// The CPUs that the server and the generator were pinned to; nil where a
	// workload has none, or they were not.
	ServerCPUs    []int `json:"server_cpus,omitempty"`
	GeneratorCPUs []int `json:"generator_cpus,omitempty"`
}

// A Knee is the highest rate tried that kept the limit, in requests a second.
type Knee struct {
	Rate  float64 `json:"rate"`
	P99   float64 `json:"p99_us"`       // at that rate
	Limit float64 `json:"limit_p99_us"` // what p99 had to keep
	// Bound says what ended the search: the server, or the generator, whose
	// limit the knee is then.
	Bound string `json:"bound"`
}

// Conns is what standing connections cost.
type Conns struct {
	Wanted    int           `json:"wanted"`
	Opened    int           `json:"opened"`
	Sockets   int           `json:"sockets,omitempty"` // of all that were to be opened; a session may have two
	Held      float64       `json:"held_s"`
	Pings     int64         `json:"pings"`       // answered
	Least     int64         `json:"pings_least"` // on one connection
	Errors    load.Errors   `json:"errors"`
	Processes int           `json:"processes"`                // of this tool
	Kernel    int64         `json:"kernel_sockets"`           // established to the targets, by /proc/net/tcp
	Sockstat  *int64        `json:"sockstat_delta,omitempty"` // what TCP inuse of /proc/net/sockstat grew by; both ends, and others
	OpenTime  float64       `json:"open_s"`
	Rate      float64       `json:"opened_per_s"`
	SetUp     *load.Latency `json:"set_up_us,omitempty"`
	TearDown  *load.Latency `json:"tear_down_us,omitempty"`
	Latency   *load.Latency `json:"ping_us,omitempty"`
	// Saturated says that a process of this tool was the limit of the pings: Latency is
	// not the servers' alone. What stands, and their memory, are as they are.
	Saturated bool           `json:"saturated,omitempty"`
	Servers   []ServerMemory `json:"servers,omitempty"`
	TCPMemory *int64         `json:"kernel_tcp_bytes,omitempty"` // of both ends: what sockstat's TCP mem grew by
}

// ServerMemory is one server's process, in bytes.
type ServerMemory struct {
	Target string `json:"target"`
	PID    int    `json:"pid"`
	Before int64  `json:"rss_before"`
	Open   int64  `json:"rss_open"`  // all connections stand
	After  int64  `json:"rss_after"` // after they were held, and pinged
	Conns  int    `json:"conns"`
}

// Read reads a result from a file.
func Read(path string) (*Result, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var r Result
	if err := json.Unmarshal(b, &r); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if r.Schema != Schema {
		return nil, fmt.Errorf("%s: schema %q is not %s; measure again with this tool", path, r.Schema, Schema)
	}
	return &r, nil
}

// WriteFile writes the result to a file, as the function of that name does.
func (r *Result) WriteFile(path string) error { return WriteFile(path, r.WriteJSON) }

// WriteJSON writes the result by its schema.
func (r *Result) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", " ")
	return e.Encode(r)
}

// WriteCSV writes a line of names and one line for each run.
func (r *Result) WriteCSV(w io.Writer) error {
	c := csv.NewWriter(w)
	header := []string{"name", "commit", "target", "method", "conns", "depth", "run"}
	for _, m := range Metrics {
		header = append(header, m.Name)
	}
	_ = c.Write(append(header, "errors", "skipped", "saturated")) // Error tells
	for i, run := range r.Runs {
		row := []string{r.Name, r.Facts.Commit, run.Target, run.Method, strconv.Itoa(run.Conns), strconv.Itoa(run.Depth), strconv.Itoa(i + 1)}
		for _, m := range Metrics {
			cell := ""
			if v, ok := m.Of(run); ok {
				cell = strconv.FormatFloat(v, 'g', 8, 64)
			}
			row = append(row, cell)
		}
		_ = c.Write(append(row, strconv.FormatInt(run.ErrorTotal, 10), strconv.FormatInt(run.Skipped, 10), strconv.FormatBool(run.Generator.Saturated)))
	}
	c.Flush()
	return c.Error()
}

// WriteSeries writes one JSON object a line for each interval of each run.
func (r *Result) WriteSeries(w io.Writer) error {
	e := json.NewEncoder(w)
	for i, run := range r.Runs {
		for _, p := range run.Series {
			if err := e.Encode(struct {
				Name string `json:"name"`
				Run  int    `json:"run"`
				load.Point
			}{r.Name, i + 1, p}); err != nil {
				return err
			}
		}
	}
	return nil
}

// WriteHGRM writes the latencies of all runs, in µs, as HdrHistogram's plotter
// reads them.
func (r *Result) WriteHGRM(w io.Writer) error {
	if len(r.Runs) == 0 {
		return errors.New("a result without runs has no distribution")
	}
	all, err := r.Runs[0].Distribution()
	if err != nil {
		return err
	}
	for _, run := range r.Runs[1:] {
		h, err := run.Distribution()
		if err != nil {
			return err
		}
		all.Merge(h)
	}
	_, err = all.PercentilesPrint(w, 5, 1000)
	return err
}

// WriteText writes the result for people: each run, and the spread over them.
func (r *Result) WriteText(w io.Writer) error {
	for i, run := range r.Runs {
		if len(r.Runs) > 1 {
			if _, err := fmt.Fprintf(w, "run %d of %d\n", i+1, len(r.Runs)); err != nil {
				return err
			}
		}
		if err := run.WriteText(w); err != nil {
			return err
		}
	}
	switch {
	case r.Conns != nil:
		return r.Conns.writeText(w)
	case r.Knee != nil && r.Knee.Rate == 0:
		_, err := fmt.Fprintf(w, "knee        no rate tried kept p99 within %.1f µs; start lower (--rate) or allow more\n", r.Knee.Limit)
		return err
	case r.Knee != nil:
		_, err := fmt.Fprintf(w, "knee        %.0f requests/s (p99 %.1f µs, limit %.1f µs), bounded by the %s\n", r.Knee.Rate, r.Knee.P99, r.Knee.Limit, r.Knee.Bound)
		return err
	case len(r.Runs) > 1:
		for _, m := range slices.Concat(Metrics, ReconnectMetrics) {
			if s := r.Spread(m); s.N > 0 {
				if _, err := fmt.Fprintf(w, "%-18s median %.6g [%.6g, %.6g] of %d\n", m.Name, s.Median, s.Min, s.Max, s.N); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// Saturated says that some run is the generator's limit. Of a search for the
// knee only that what it found counts.
func (r *Result) Saturated() bool {
	if r.Knee != nil {
		return r.Knee.Bound == "generator"
	}
	return slices.ContainsFunc(r.Runs, func(run *load.Result) bool { return run.Generator.Saturated })
}

func (c *Conns) writeText(w io.Writer) error {
	fmt.Fprintf(w, "connections %d of %d opened in %.1f s (%.0f/s), %d processes\n", c.Opened, c.Wanted, c.OpenTime, c.Rate, c.Processes)
	if c.Kernel >= 0 {
		fmt.Fprintf(w, "sockets     %d, and %d in the kernel's count\n", c.Sockets, c.Kernel)
	}
	if c.Sockstat != nil {
		fmt.Fprintf(w, "sockstat    TCP inuse grew by %d, of both ends where the server is on this machine\n", *c.Sockstat)
	}
	doing := "idle"
	if c.Latency != nil {
		doing = fmt.Sprintf("%d pings answered, at least %d on each", c.Pings, c.Least)
	}
	fmt.Fprintf(w, "held        %.1f s, %s; errors %s\n", c.Held, doing, &c.Errors)
	line := func(name string, l *load.Latency, report string) {
		if l != nil {
			fmt.Fprintf(w, "%-11s p50 %.1f  p90 %.1f  p99 %.1f  p99.9 %.1f  max %.1f µs%s\n", name, l.P50, l.P90, l.P99, l.P999, l.Max, report)
		}
	}
	line("set-up", c.SetUp, "  (the erlmcp v3 report of 2026-02-02: < 100)")
	line("tear-down", c.TearDown, "  (that report: < 50)")
	limit := ""
	if c.Saturated {
		limit = "  SATURATED: this tool was the limit, and late"
	}
	line("ping", c.Latency, limit)
	for _, s := range c.Servers {
		fmt.Fprintf(w, "server      %s: RSS %.1f MB, %.1f MB with %d connections: %.0f bytes each; %.1f MB at the end: %.0f bytes each\n",
			s.Target, float64(s.Before)/1e6, float64(s.Open)/1e6, s.Conns, float64(s.Open-s.Before)/float64(max(s.Conns, 1)), float64(s.After)/1e6, float64(s.After-s.Before)/float64(max(s.Conns, 1)))
	}
	if c.TCPMemory != nil {
		fmt.Fprintf(w, "kernel      %.0f bytes of socket buffers a connection, both ends\n", float64(*c.TCPMemory)/float64(max(c.Opened, 1)))
	}
	return nil
}
