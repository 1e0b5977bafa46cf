package main

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/gannetmcp/gannet/bench/load"
	"github.com/gannetmcp/gannet/bench/result"
	"github.com/gannetmcp/gannet/bench/subject"
)

// spareDescriptors are those that a process needs beside its connections.
const spareDescriptors = 100

// connsCommand is perf conns.
type connsCommand struct {
	Targets []string `arg:"" optional:"" help:"${targets}, but stdio, among which connections are shared out."`

	N         int           `short:"n" help:"Connections." default:"1000"`
	Spawn     int           `help:"Start so many servers (--server) instead of targets." placeholder:"N"`
	Transport string        `help:"Of servers that are started: ${enum}." enum:"tcp,unix,http,sse,stream,ws,h2c" default:"tcp"`
	Server    string        `help:"Server to start; gannet beside this program if none." placeholder:"PATH"`
	ServerPID []int         `name:"server-pid" help:"Process of each target, whose memory to report."`
	Hold      time.Duration `help:"Time that the connections stand." default:"60s"`
	Pings     int           `help:"Pings on each in that time; 0 leaves them idle." default:"2"`
	Processes int           `help:"Processes to spread over; as many as descriptors make necessary if none."`
	Timeout   time.Duration `help:"Longest wait for an answer." default:"10s"`
	Revision  string        `help:"Protocol revision." default:"${revision}"`
	tlsFlags
	Name   string `help:"Name of the result."`
	Format string `help:"text or json." enum:"text,json" default:"text"`
	Save   string `help:"File for the result as JSON besides." placeholder:"FILE"`
}

// Help is shown below the usage.
func (connsCommand) Help() string {
	return `Examples:
  perf conns tcp://127.0.0.1:7600 -n 10000 --server-pid $(pidof gannet)
  perf conns --spawn 3 -n 50000 --save conns.json
  perf conns --spawn 1 --transport http -n 19000 --pings 0
  perf conns stream+http://127.0.0.1:7601/mcp -n 5000 --server-pid $(pidof gannet)
  perf conns h2://127.0.0.1:7643/mcp -n 10000 --pings 1 --insecure --server-pid $(pidof gannet)

A connection is one session: of tcp, tls, unix and ws a socket; of http, h2c and h2 a
socket that is kept after the POSTs that open it; of sse+http the event stream and the socket of its
POSTs; of stream+http the socket of its POSTs and its event stream by GET.
Each connection is opened, initialized, held, and pinged --pings times while it stands;
ids and replies are checked, and the kernel's count of connections is compared with
ours. Processes and, on loopback, addresses of 127.0.0.0/8 are used as needed: a
process has a limit of descriptors (ulimit -n), an address some 28,000 ports. A tenth of
the memory of a server that was just started is not of connections: look at large n.`
}

// Run opens and holds.
func (c *connsCommand) Run(std *streams) error {
	if runtime.GOOS != "linux" {
		return load.ErrLinuxOnly
	}
	runtime.LockOSThread() // what is started dies with the thread that started it
	defer runtime.UnlockOSThread()
	limit, err := descriptorLimit()
	if err != nil {
		return err
	}
	processes, err := c.check(limit)
	if err != nil {
		return err
	}
	if err := result.Writable(c.Save); err != nil {
		return &exitError{exitUsage, err}
	}
	ctx, stop := interruptible()
	defer stop()
	stderr := &shared{w: std.err}
	for range c.Spawn {
		s, err := subject.Start(c.spawned(stderr))
		if err != nil {
			return fmt.Errorf("%w (--server says which program to start)", err)
		}
		defer func() { _ = s.Stop() }()
		c.Targets = append(c.Targets, c.target(s.Addresses[0]))
		c.ServerPID = append(c.ServerPID, s.PID)
	}
	name := c.Name
	if name == "" {
		name = fmt.Sprintf("%d connections", c.N)
	}
	r := &result.Result{Schema: result.Schema, Kind: result.KindConns, Name: name, Facts: result.Gather(std.args)}
	if r.Conns, err = c.hold(ctx, processes, stderr); err != nil {
		if ctx.Err() != nil {
			return exitf(exitFailed, "interrupted: connections that were not held to the end are no result")
		}
		return err
	}
	if c.Format == "json" {
		err = r.WriteJSON(std.out)
	} else {
		err = r.WriteText(std.out)
	}
	if c.Save != "" {
		err = errors.Join(err, r.WriteFile(c.Save))
	}
	if err != nil {
		return err
	}
	switch k := r.Conns; {
	case k.Errors.Total() > 0 || k.Opened != k.Wanted || k.Least < int64(c.Pings):
		return exitf(exitFailed, "%d of %d connections stood; the least answered had %d pings of %d; errors: %s", k.Opened, k.Wanted, k.Least, c.Pings, &k.Errors)
	case k.Kernel >= 0 && k.Kernel != int64(k.Sockets):
		return exitf(exitFailed, "the kernel counts %d sockets, not %d", k.Kernel, k.Sockets)
	}
	return nil
}

// spawned is how a server is started that has the transport, and room for its share.
func (c *connsCommand) spawned(stderr io.Writer) subject.Options {
	o := subject.Options{Program: c.server(), Listen: []string{"http://127.0.0.1:0"}, Stderr: stderr}
	switch c.Transport {
	case "tcp":
		o.Listen[0] = "tcp://127.0.0.1:0"
	case "unix":
		o.Listen[0] = subject.Unix
	default:
		o.Args = []string{"--http-sessions", strconv.Itoa(c.N/c.Spawn + spareDescriptors)}
	}
	if c.Pings == 0 {
		o.Args = append(o.Args, "--idle-timeout", "0")
	}
	return o
}

// target is the URL of a server that was started, with the scheme of the transport.
func (c *connsCommand) target(address string) string {
	switch c.Transport {
	case "sse":
		return "sse+" + strings.TrimSuffix(address, "/mcp") + "/sse"
	case "stream":
		return "stream+" + address
	case "h2c":
		return "h2c" + strings.TrimPrefix(address, "http")
	case "ws":
		return "ws" + strings.TrimPrefix(strings.TrimSuffix(address, "/mcp"), "http") + "/ws"
	}
	return address
}

// sockets is how many a connection to any of the targets has, at most.
func (c *connsCommand) sockets() (most int, err error) {
	most = 1
	if c.Spawn > 0 && (c.Transport == "sse" || c.Transport == "stream") {
		most = 2
	}
	for _, t := range c.Targets {
		w, err := load.Locate(t)
		if err != nil {
			return 0, err
		}
		if w.Network == "stdio" {
			return 0, exitf(exitUsage, "target %.100q: it has one connection", t)
		}
		most = max(most, w.Sockets)
	}
	return most, nil
}

// check says how many processes are needed, or what is to be raised.
func (c *connsCommand) check(limit int) (processes int, err error) {
	targets := len(c.Targets)
	switch {
	case c.Spawn > 0 && targets > 0:
		return 0, exitf(exitUsage, "--spawn starts servers; targets are others")
	case c.Spawn == 0 && targets == 0:
		return 0, exitf(exitUsage, "which server? a URL, or --spawn 1; perf conns --help has examples")
	case c.N < 1 || c.N > 10_000_000 || c.Pings < 0 || c.Hold <= 0 || c.Processes < 0:
		return 0, exitf(exitUsage, "-n is between 1 and 10,000,000, --pings not negative, --hold more than 0")
	case len(c.ServerPID) > 0 && len(c.ServerPID) != targets:
		return 0, exitf(exitUsage, "--server-pid is given for each target or for none")
	}
	each, err := c.sockets()
	if err != nil {
		return 0, err
	}
	targets = max(targets, c.Spawn)
	if c.Spawn > 0 {
		if sockets := each * ((c.N + c.Spawn - 1) / c.Spawn); sockets+spareDescriptors > limit {
			return 0, exitf(exitUsage, "a server would have %d sockets, and a process may have %d descriptors: --spawn %d, or raise the limit (ulimit -n %d)",
				sockets, limit, (each*c.N+limit-spareDescriptors-1)/(limit-spareDescriptors), sockets+spareDescriptors)
		}
	}
	room := min((limit-spareDescriptors)/each, load.MaxConns, 28_000/each)
	processes = max(c.Processes, (c.N+room-1)/room, targets)
	processes = (processes + targets - 1) / targets * targets // each target by as many
	if c.Processes > 0 && (c.N+c.Processes-1)/c.Processes > room {
		sockets := each * ((c.N + c.Processes - 1) / c.Processes)
		return 0, exitf(exitUsage, "a process would have %d sockets, and may have %d descriptors: --processes %d, or raise the limit (ulimit -n %d)",
			sockets, limit, processes, sockets+spareDescriptors)
	}
	return min(processes, max(c.N/targets*targets, targets)), nil
}

// descriptorLimit is how many descriptors a process may have.
func descriptorLimit() (int, error) {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return 0, os.NewSyscallError("getrlimit", err)
	}
	return int(min(uint64(l.Max), 1<<30)), nil // the runtime has raised the soft one
}

// hold runs the workers through their stages. The end of ctx ends them.
func (c *connsCommand) hold(ctx context.Context, processes int, stderr io.Writer) (*result.Conns, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	k := &result.Conns{Wanted: c.N, Processes: processes, Least: 1 << 62}
	if err := c.memory(k, func(m *result.ServerMemory) *int64 { return &m.Before }); err != nil {
		return nil, err
	}
	inUse, pages, before := sockstat()
	var workers []*worker
	defer func() {
		for _, w := range workers {
			w.stop()
		}
	}()
	begin := time.Now()
	fmt.Fprintf(stderr, "perf: opening %d connections from %d processes\n", c.N, processes)
	for i := range processes {
		target := c.Targets[i%len(c.Targets)]
		j := job{Target: target, Conns: c.N / processes, Pings: c.Pings, Hold: c.Hold, Timeout: c.Timeout, Revision: c.Revision, TLS: c.tlsFlags.options()}
		if i < c.N%processes {
			j.Conns++
		}
		where, err := load.Locate(target)
		if err != nil {
			return nil, err
		}
		k.Sockets += j.Conns * where.Sockets
		if onLoopback(target) {
			j.From = fmt.Sprintf("127.0.%d.%d", i/250, 2+i%250)
		}
		for m := range k.Servers {
			if k.Servers[m].Target == target {
				k.Servers[m].Conns += j.Conns
			}
		}
		w, err := startWorker(ctx, program, j, stderr)
		if w != nil {
			workers = append(workers, w)
		}
		if err != nil {
			return nil, err
		}
	}
	var setUps, latencies, closings []string
	for _, w := range workers {
		r, err := w.report()
		if err != nil {
			return nil, err
		}
		k.Opened += r.Conns
		setUps = append(setUps, r.SetUp)
	}
	k.OpenTime = time.Since(begin).Seconds()
	k.Rate = float64(k.Opened) / k.OpenTime
	if err := c.memory(k, func(m *result.ServerMemory) *int64 { return &m.Open }); err != nil {
		return nil, err
	}
	k.Kernel = established(c.Targets)
	if now, nowPages, ok := sockstat(); ok && before {
		grown, bytes := now-inUse, (nowPages-pages)*int64(os.Getpagesize())
		k.Sockstat, k.TCPMemory = &grown, &bytes
	}
	doing := fmt.Sprintf("%d pings on each", c.Pings)
	if c.Pings == 0 {
		doing = "idle"
	}
	fmt.Fprintf(stderr, "perf: %d stand after %.1f s; holding them for %v, %s\n", k.Opened, k.OpenTime, c.Hold, doing)
	begin = time.Now()
	for _, w := range workers {
		if err := w.proceed(); err != nil {
			return nil, err
		}
	}
	k.Opened = 0 // those that stand to the end count
	for _, w := range workers {
		r, err := w.report()
		if err != nil {
			return nil, err
		}
		k.Opened += r.Conns
		k.Pings += r.Answered
		k.Least = min(k.Least, r.Least)
		k.Errors.Add(&r.Errors)
		k.Saturated = k.Saturated || r.Saturated
		latencies = append(latencies, r.Latency...)
	}
	k.Held = time.Since(begin).Seconds()
	if err := c.memory(k, func(m *result.ServerMemory) *int64 { return &m.After }); err != nil {
		return nil, err
	}
	for _, w := range workers {
		if err := w.proceed(); err != nil {
			return nil, err
		}
		r, err := w.report()
		if err != nil {
			return nil, err
		}
		if r.Closing != "" {
			closings = append(closings, r.Closing)
		}
	}
	var errs [3]error
	k.SetUp, errs[0] = load.Merge(setUps)
	if c.Pings > 0 {
		k.Latency, errs[1] = load.Merge(latencies)
	}
	k.TearDown, errs[2] = load.Merge(closings)
	return k, errors.Join(errs[:]...)
}

// memory reads the memory of each server whose process is known.
func (c *connsCommand) memory(k *result.Conns, field func(*result.ServerMemory) *int64) error {
	for i, pid := range c.ServerPID {
		if len(k.Servers) <= i {
			k.Servers = append(k.Servers, result.ServerMemory{Target: c.Targets[i], PID: pid})
		}
		rss, err := load.ResidentMemory(pid)
		if err != nil {
			return fmt.Errorf("memory of process %d: %w", pid, err)
		}
		*field(&k.Servers[i]) = rss
	}
	return nil
}

// hostPort is where a target is; nil if that has no IPv4 address.
func hostPort(target string) *net.TCPAddr {
	w, err := load.Locate(target)
	if err != nil || w.Network != "tcp" {
		return nil
	}
	a, err := net.ResolveTCPAddr("tcp4", w.Address)
	if err != nil {
		return nil
	}
	return a
}

func onLoopback(target string) bool {
	a := hostPort(target)
	return a != nil && a.IP.IsLoopback()
}

// established counts the connections to the targets in /proc/net/tcp
// (proc_pid_net(5)); -1 where that does not say.
func established(targets []string) int64 {
	wanted := map[string]bool{}
	for _, t := range targets {
		a := hostPort(t)
		if a == nil {
			return -1
		}
		var ip [4]byte
		binary.NativeEndian.PutUint32(ip[:], binary.BigEndian.Uint32(a.IP.To4())) // as the kernel prints it
		wanted[strings.ToUpper(hex.EncodeToString(ip[:]))+fmt.Sprintf(":%04X", a.Port)] = true
	}
	b, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		return -1
	}
	// A table that changes while it is read has sockets twice.
	seen := map[string]bool{}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 3 && f[3] == "01" && wanted[f[2]] {
			seen[f[1]+" "+f[2]] = true
		}
	}
	return int64(len(seen))
}

// sockstat reads how many TCP sockets are in use, and the pages of their
// buffers.
func sockstat() (inUse, pages int64, ok bool) {
	b, err := os.ReadFile("/proc/net/sockstat")
	if err != nil {
		return 0, 0, false
	}
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if len(f) == 0 || f[0] != "TCP:" {
			continue
		}
		for i := 1; i+1 < len(f); i += 2 {
			n, err := strconv.ParseInt(f[i+1], 10, 64)
			switch {
			case err != nil:
				return 0, 0, false
			case f[i] == "inuse":
				inUse = n
			case f[i] == "mem":
				pages = n
			}
		}
		return inUse, pages, true
	}
	return 0, 0, false
}
