package main

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/gannetmcp/gannet/bench/load"
	"github.com/gannetmcp/gannet/bench/result"
	"github.com/gannetmcp/gannet/bench/suite"
)

// loadCommand is perf load.
type loadCommand struct {
	Target string `arg:"" optional:"" help:"${targets}; none with -- COMMAND, which is a server on its standard streams."`

	Method   string   `help:"ping, call (a tool that returns its argument text) or raw (lines echoed)." default:"ping" group:"Messages"`
	Size     int      `help:"Bytes of one call or raw line, newline included." default:"${size}" group:"Messages"`
	Tool     string   `help:"Tool to call." default:"echo" group:"Messages"`
	Args     string   `help:"Arguments of the tool, a JSON object; replies are then checked by --check." placeholder:"JSON" group:"Messages"`
	ArgsMore string   `name:"args-extra" help:"JSON members added beside text, as '\"ms\":0'." placeholder:"MEMBERS" group:"Messages"`
	Check    string   `help:"Of --args: result (no error), same (as the first reply), echo." default:"result" group:"Messages"`
	Messages string   `help:"File of messages with weights: JSON objects with method, params, weight, check, name." placeholder:"FILE" group:"Messages"`
	Revision string   `help:"Protocol revision." default:"${revision}" group:"Messages"`
	Header   []string `short:"H" help:"Header of each HTTP request, 'Name: value'; repeatable." sep:"none" group:"Messages"`

	Conns       int           `short:"c" help:"Connections." default:"1" group:"Load"`
	Depth       int           `short:"d" help:"Requests in flight on each connection, at most; of HTTP/2, streams." default:"1" group:"Load"`
	Rate        float64       `help:"Open loop: requests a second, meant to be sent whatever the server does." group:"Load"`
	Ramp        string        `help:"Open loop: from one rate to another." placeholder:"FROM:TO" group:"Load"`
	Steps       string        `help:"Open loop: one rate after another, each for --duration." placeholder:"RATE,…" group:"Load"`
	FindKnee    bool          `help:"Open loop: look for the highest rate whose p99 keeps --knee-p99, from --rate (1000) up; each for --duration." group:"Load"`
	KneeP99     time.Duration `name:"knee-p99" help:"What p99 has to keep at the knee." default:"10ms" group:"Load"`
	Arrivals    string        `help:"Open loop: ${enum}: at even distances, or by chance as many users come." enum:"constant,poisson" default:"constant" group:"Load"`
	Seed        uint64        `help:"Of --arrivals poisson; each of --runs has the next one." default:"1" group:"Load"`
	MaxInFlight int           `help:"Open loop: skip, and count, starts beyond so many in flight." group:"Load"`
	Spin        bool          `help:"Open loop: never sleep; starts are more exact, a CPU is used up." group:"Load"`
	Duration    time.Duration `help:"Measured time, of each step and run." default:"3s" group:"Load"`
	Requests    int64         `short:"n" help:"Closed loop: exactly so many requests instead." group:"Load"`
	Reconnect   int           `help:"Calls on each connection, which is then closed and followed by another: connect, initialize, calls, close." placeholder:"CALLS" group:"Load"`
	Warmup      time.Duration `help:"Load before measuring, which is not counted." default:"500ms" group:"Load"`
	Timeout     time.Duration `help:"Longest wait for a reply." default:"5s" group:"Load"`
	Runs        int           `help:"Measure so many times, each with new connections." default:"1" group:"Load"`

	tlsFlags

	ServerPID int    `name:"server-pid" help:"Process whose CPU, memory and switches to report (the child, of -- COMMAND)." group:"Machine"`
	Metrics   string `help:"Page of the server's metrics (Prometheus, of a Go server), whose allocations and collections to report; child is the one that the child of -- COMMAND says on its standard error." placeholder:"URL" group:"Machine"`
	CPU       *int   `name:"cpu" help:"CPU to pin this process to." group:"Machine"`
	ChildCPU  *int   `name:"child-cpu" help:"CPU to pin the child to." group:"Machine"`

	Name     string        `help:"Name of the result in tables and plots; the target if none." group:"Output"`
	Format   string        `help:"text, json, csv, ndjson (a line each interval) or hgrm." enum:"text,json,csv,ndjson,hgrm" default:"text" group:"Output"`
	Output   string        `short:"o" help:"File for it instead of standard output." group:"Output"`
	Save     string        `help:"File for the result as JSON besides." placeholder:"FILE" group:"Output"`
	Interval time.Duration `help:"Of the series and of progress." default:"1s" group:"Output"`
	Quiet    bool          `short:"q" help:"No progress." group:"Output"`

	MinRate    float64       `help:"Fail (exit code 4) below so many replies a second." group:"Thresholds"`
	MaxP99     time.Duration `name:"max-p99" help:"Fail above this p99." group:"Thresholds"`
	MaxErrors  int64         `help:"Errors that are no failure." group:"Thresholds"`
	AnySkipped bool          `name:"allow-skipped" help:"Skipped starts are no failure." default:"true" negatable:"" group:"Thresholds"`
}

// Help is shown below the usage.
func (loadCommand) Help() string {
	return `Examples:
  perf load tcp://127.0.0.1:7600 -c 64 -d 16 --method call
  perf load http://127.0.0.1:7601/mcp -c 64 --rate 5000 --duration 30s --save r.json
  perf load http://127.0.0.1:7601/mcp -c 64 --rate 5000 --arrivals poisson --seed 7
  perf load sse+http://127.0.0.1:7601/sse --revision 2024-11-05 -c 10
  perf load ws://127.0.0.1:7601/ws -c 64 -d 16
  perf load h2c://127.0.0.1:7601/mcp -c 16 -d 4 --method call     HTTP/2, known beforehand
  perf load h2://mcp.example.com/mcp -c 4 -d 32 --ca authority.pem    HTTP/2 over TLS, by ALPN
  perf load tcp://127.0.0.1:7600 -c 64 --find-knee --knee-p99 5ms
  perf load http://127.0.0.1:7601/mcp -c 64 --reconnect 1
  perf load https://mcp.example.com/mcp -c 16 --ca authority.pem --tls-resume
  perf load http://127.0.0.1:8080/mcp --tool search --args '{"q":"nets"}' --check same
  perf load unix:///run/gannet.sock --messages mix.json --steps 1000,5000,20000
  perf load -d 64 --method call -- gannet serve --demo --listen stdio

A closed loop sends when a reply has come, so a server that stalls is asked less and
its latencies flatter it. An open loop (--rate, --ramp, --steps, --find-knee) sends by a
plan and counts latency from the time that a request was meant to be sent.

Of HTTP/2 the depth is the number of streams that a connection has open, as far as the
server lets it; it is told if that is fewer. http:// and https:// are HTTP/1.1, whatever
the server speaks beside it. Streams that the server resets and connections that it sends
away (GOAWAY) are errors of their own kinds.

Over TLS this program encrypts on the thread that sends: look at its utilisation.

mix.json: [{"method":"tools/list","weight":6}, {"method":"ping"},
  {"method":"tools/call","params":{"name":"echo","arguments":{"text":"hello"}},"check":"echo","weight":3}]`
}

// options are those of the load package.
func (c *loadCommand) options(std *streams) (load.Options, error) {
	o := load.Options{Target: c.Target, Command: std.child, Conns: c.Conns, Depth: c.Depth, Method: c.Method, Size: c.Size, Tool: c.Tool,
		ArgsExtra: c.ArgsMore, Revision: c.Revision, Headers: c.Header, Warmup: c.Warmup, Duration: c.Duration, Count: c.Requests,
		Timeout: c.Timeout, Reconnect: c.Reconnect, Arrivals: c.Arrivals, Seed: c.Seed, MaxInFlight: c.MaxInFlight, Spin: c.Spin, Interval: c.Interval, ServerPID: c.ServerPID, MetricsURL: c.Metrics, TLS: c.tlsFlags.options()}
	if c.Target == "" && len(std.child) > 0 {
		o.Target = "stdio"
	}
	if o.Target == "" {
		return o, exitf(exitUsage, "what to load? a URL, or -- COMMAND; perf load --help has examples")
	}
	if c.CPU != nil {
		o.CPUs = []int{*c.CPU}
		if os.Getenv("GOMAXPROCS") == "" {
			runtime.GOMAXPROCS(1)
		}
	}
	if c.ChildCPU != nil {
		o.ChildCPUs = []int{*c.ChildCPU}
	}
	switch {
	case c.Messages != "" && c.Args != "":
		return o, exitf(exitUsage, "--messages and --args exclude each other")
	case c.Messages != "":
		f, err := os.Open(c.Messages)
		if err != nil {
			return o, &exitError{exitUsage, err}
		}
		defer func() { _ = f.Close() }()
		if o.Messages, err = load.ReadMessages(f); err != nil {
			return o, err
		}
	case c.Args != "":
		if !json.Valid([]byte(c.Args)) {
			return o, exitf(exitUsage, "--args is no JSON: %.60q", c.Args)
		}
		params, err := json.Marshal(map[string]any{"name": c.Tool, "arguments": json.RawMessage(c.Args)})
		if err != nil {
			return o, err
		}
		o.Messages = []load.Message{{Method: "tools/call", Params: params, Check: c.Check}}
	}
	var err error
	o.Plan, err = c.plan()
	return o, err
}

// plan is nil for a closed loop.
func (c *loadCommand) plan() (load.Plan, error) {
	given := 0
	for _, is := range []bool{c.Rate != 0 && !c.FindKnee, c.Ramp != "", c.Steps != "", c.FindKnee} {
		if is {
			given++
		}
	}
	switch {
	case given > 1:
		return nil, exitf(exitUsage, "--rate, --ramp, --steps and --find-knee exclude each other (but --find-knee starts at --rate)")
	case given == 1 && c.Requests != 0:
		return nil, exitf(exitUsage, "--requests goes with a closed loop, which has no rate")
	case c.FindKnee:
		first := c.Rate
		if first == 0 {
			first = 1000
		}
		return load.Constant(first, c.Duration), nil
	case c.Rate != 0:
		return load.Constant(c.Rate, c.Duration), nil
	case c.Ramp != "":
		from, to, ok := strings.Cut(c.Ramp, ":")
		a, err1 := strconv.ParseFloat(from, 64)
		b, err2 := strconv.ParseFloat(to, 64)
		if !ok || err1 != nil || err2 != nil {
			return nil, exitf(exitUsage, "--ramp is FROM:TO in requests a second, not %.40q", c.Ramp)
		}
		return load.Plan{{From: a, To: b, Duration: c.Duration}}, nil
	case c.Steps != "":
		var p load.Plan
		for s := range strings.SplitSeq(c.Steps, ",") {
			rate, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
			if err != nil {
				return nil, exitf(exitUsage, "--steps are rates with commas between them, not %.40q", c.Steps)
			}
			p = append(p, load.Constant(rate, c.Duration)...)
		}
		return p, nil
	}
	return nil, nil
}

// Run measures.
func (c *loadCommand) Run(std *streams) error {
	o, err := c.options(std)
	if err != nil {
		return err
	}
	if c.Runs < 1 || c.Runs > 1000 {
		return exitf(exitUsage, "--runs is between 1 and 1000")
	}
	if c.FindKnee && (c.Runs > 1 || c.MaxP99 > 0) {
		return exitf(exitUsage, "--find-knee is one run, and has a p99 of its own (--knee-p99): --runs and --max-p99 do not go with it")
	}
	for _, path := range []string{c.Save, c.Output} {
		if err := result.Writable(path); err != nil {
			return &exitError{exitUsage, err}
		}
	}
	ctx, stop := interruptible()
	defer stop()
	w := newProgress(std.err, c.Quiet)
	defer w.close()
	o.Progress, o.Each, o.Context = w.step, w.point, ctx
	name := c.Name
	if name == "" {
		name = o.Target
	}
	r := &result.Result{Schema: result.Schema, Kind: result.KindLoad, Name: name, Facts: result.Gather(std.args)}
	if c.FindKnee {
		err = suite.FindKnee(o, c.KneeP99, r)
	} else {
		for range c.Runs {
			var run *load.Result
			if run, err = load.Run(o); err != nil {
				break
			}
			r.Runs = append(r.Runs, run)
			if run.Interrupted {
				err = ctx.Err()
				break
			}
			o.Seed++
		}
	}
	w.close()
	if len(r.Runs) > 0 {
		if err := c.write(r, std.out); err != nil {
			return err
		}
	}
	if err != nil {
		return err
	}
	return c.judge(r)
}

// write writes the result in the format asked for. A file that cannot be written costs
// nothing of what goes elsewhere.
func (c *loadCommand) write(r *result.Result, stdout io.Writer) error {
	format := r.WriteText
	switch c.Format {
	case "json":
		format = r.WriteJSON
	case "csv":
		format = r.WriteCSV
	case "ndjson":
		format = r.WriteSeries
	case "hgrm":
		format = r.WriteHGRM
	}
	var shown, saved error
	if c.Output != "" {
		shown = result.WriteFile(c.Output, format)
	} else {
		shown = format(stdout)
	}
	if c.Save != "" {
		saved = r.WriteFile(c.Save)
	}
	return errors.Join(shown, saved)
}

// because is what a reply was that was wrong, or why a connection failed that could not
// be opened again; "" is neither.
func because(runs []*load.Result) string {
	for _, run := range runs {
		if run.Failure != "" {
			return "; such as: " + run.Failure
		}
	}
	return ""
}

// judge turns errors, thresholds and saturation into exit codes, the worst
// first: errors make the rest meaningless, and so does a generator that was the
// limit. Of a search for the knee, the rates that failed are what it looked for.
func (c *loadCommand) judge(r *result.Result) error {
	var errs load.Errors
	var answered, skipped int64
	for _, run := range r.Runs {
		errs.Add(&run.Errors)
		answered += run.Answered
		skipped += run.Skipped
	}
	rate := r.Spread(result.Metrics[0]).Median
	switch {
	case r.Knee != nil:
		rate = r.Knee.Rate
	case errs.Total() > c.MaxErrors:
		return exitf(exitFailed, "%d errors: %s%s", errs.Total(), &errs, because(r.Runs))
	case answered == 0:
		return exitf(exitFailed, "nothing was answered: there is nothing to judge")
	case skipped > 0 && !c.AnySkipped:
		return exitf(exitThreshold, "%d starts were skipped", skipped)
	}
	switch {
	case r.Saturated():
		return exitf(exitSaturated, "the generator was the limit: the figures are its own; lower the load, or give it a CPU (--cpu)")
	case r.Knee != nil && rate == 0:
		return exitf(exitThreshold, "no rate that was tried keeps p99 within %v: start lower (--rate) or allow more (--knee-p99)", c.KneeP99)
	case c.MinRate > 0 && rate < c.MinRate:
		return exitf(exitThreshold, "%.0f replies a second are less than --min-rate %.0f", rate, c.MinRate)
	case r.Knee != nil:
		return nil
	}
	for _, m := range result.Metrics {
		if s := r.Spread(m); m.Name == result.MetricP99 && c.MaxP99 > 0 && s.Median > float64(c.MaxP99)/1e3 {
			return exitf(exitThreshold, "p99 of %.1f µs is more than --max-p99 %v", s.Median, c.MaxP99)
		}
	}
	return nil
}
