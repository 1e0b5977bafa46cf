package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"

	"github.com/gannetmcp/gannet/bench/load"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// run is the whole command.
func run(args []string, stdout, stderr io.Writer) int {
	o, asJSON, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return exitOK
	}
	if err != nil {
		return exitUsage // the flag package has said why
	}
	o.Progress = func(step string) { fmt.Fprintln(stderr, "gen:", step) }
	if o.CPUs != nil && os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(len(o.CPUs))
	}
	r, err := load.Run(o)
	if err != nil {
		fmt.Fprintln(stderr, "gen:", err)
		var usage *load.UsageError
		if errors.As(err, &usage) || errors.Is(err, load.ErrLinuxOnly) {
			return exitUsage
		}
		return exitFailed
	}
	if asJSON {
		e := json.NewEncoder(stdout)
		e.SetIndent("", "  ")
		err = e.Encode(r)
	} else {
		err = r.WriteText(stdout)
	}
	if err != nil {
		fmt.Fprintln(stderr, "gen:", err)
		return exitFailed
	}
	if r.ErrorTotal > 0 {
		fmt.Fprintln(stderr, "gen: errors:", &r.Errors)
		return exitFailed
	}
	return exitOK
}

// parse reads the command line.
func parse(args []string, stderr io.Writer) (o load.Options, asJSON bool, err error) {
	f := flag.NewFlagSet("gen", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&o.Target, "target", "", "tcp://HOST:PORT, unix:///PATH, http://HOST:PORT/PATH, or stdio with -- COMMAND ARGS")
	f.IntVar(&o.Conns, "c", 1, "connections")
	f.IntVar(&o.Depth, "d", 1, "requests in flight on each connection")
	f.IntVar(&o.Size, "size", load.DefaultSize, "`bytes` of one request, newline included (not of a ping)")
	f.StringVar(&o.Method, "method", load.MethodPing, "ping, call (a tool that returns its argument text) or raw (lines echoed)")
	f.StringVar(&o.Tool, "tool", load.DefaultTool, "tool to call")
	f.StringVar(&o.ArgsExtra, "args-extra", "", "JSON `members` added to the tool's arguments, such as '\"ms\":0'")
	f.DurationVar(&o.Warmup, "warmup", 0, "load before measuring")
	f.DurationVar(&o.Duration, "duration", load.DefaultDuration, "time to measure")
	f.Int64Var(&o.Count, "n", 0, "measure exactly so many requests instead")
	f.IntVar(&o.Reconnect, "reconnect", 0, "`calls` on each connection, which is then closed and followed by another; 0 opens connections once")
	f.DurationVar(&o.Timeout, "timeout", load.DefaultTimeout, "longest wait for any progress of a connection")
	cpu := f.Int("cpu", -1, "CPU to pin this process to; -1 pins it to none")
	childCPU := f.Int("child-cpu", -1, "CPU to pin the child of stdio to; -1 pins it to none")
	f.IntVar(&o.ServerPID, "server-pid", 0, "process whose CPU time, memory and switches to report (of stdio: the child)")
	f.BoolVar(&asJSON, "json", false, "report as JSON")
	if err := f.Parse(args); err != nil {
		return o, false, err
	}
	o.Command = f.Args()
	if *cpu >= 0 {
		o.CPUs = []int{*cpu}
	}
	if *childCPU >= 0 {
		o.ChildCPUs = []int{*childCPU}
	}
	return o, asJSON, nil
}
