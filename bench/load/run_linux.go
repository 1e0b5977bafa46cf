package load

import (
	"fmt"
	"runtime"
	"strings"
)

// Run generates the load that o describes and returns what it measured. The
// result is nil only if no load could be generated at all; a server that fails
// on the way shows in Result.Errors. Run returns: every wait in it is bounded by
// o.Timeout.
func Run(o Options) (*Result, error) {
	o = o.withDefaults()
	if err := o.validate(); err != nil {
		return nil, err
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	r := &Result{Target: o.Target, Command: strings.Join(o.Command, " "), Method: o.Method, Conns: o.Conns, Depth: o.Depth}
	t, err := newTemplate(&o)
	if err != nil {
		return nil, err
	}
	r.Size = len(t.line)
	o.Progress("connecting")
	conns, sh, ch, rss, err := connect(&o, t)
	finish := func() {
		for _, c := range conns {
			c.close()
		}
		if ch != nil {
			r.ChildExit = ch.wait(o.Timeout)
			ch = nil
		}
	}
	defer func() { finish() }()
	if err != nil {
		return nil, err
	}
	r.Reply = sh.size()
	l, err := newLoop(newStage(t, sh, newTally(), o.Depth), conns, o.Timeout)
	if err != nil {
		return nil, err
	}
	defer l.close()
	if err := l.measure(&o, r, rss); err != nil {
		return nil, err
	}
	finish()
	return r, nil
}

// connect opens the connections and, unless the method is raw, an MCP session
// on each. It returns what it opened with an error too; the caller closes it.
// rss is the server's memory in bytes, if its process is known. A child is
// noted as the server's process in o.
func connect(o *Options, t *template) (conns []*conn, sh *shape, ch *child, rss int64, err error) {
	where, err := parseTarget(o.Target)
	if err != nil {
		return nil, nil, nil, 0, err
	}
	if where.network == "stdio" {
		// The child first: it is not to inherit where this process is pinned.
		var r, w int
		if ch, r, w, err = startChild(o.Command, o.ChildCPUs); err != nil {
			return nil, nil, nil, 0, err
		}
		o.ServerPID = ch.cmd.Process.Pid
		conns = append(conns, &conn{r: r, w: w, window: newWindow(o.Depth)})
	} else if o.ServerPID != 0 {
		u, err := processUsage(o.ServerPID)
		if err != nil {
			return nil, nil, nil, 0, err
		}
		rss = u.rss
	}
	if o.CPUs != nil {
		if err := pinProcess(o.CPUs); err != nil {
			return conns, nil, ch, rss, err
		}
	}
	for len(conns) < o.Conns {
		fd, err := dial(where, o.Timeout)
		if err != nil {
			return conns, nil, ch, rss, fmt.Errorf("%w (connection %d of %d)", err, len(conns)+1, o.Conns)
		}
		conns = append(conns, &conn{r: fd, w: fd, window: newWindow(o.Depth)})
	}
	if t.method == MethodRaw {
		sh = rawShape(t)
	} else {
		for i, c := range conns {
			err := c.handshake(o.Timeout)
			if err == nil && i == 0 {
				sh, err = c.probe(t, o.Timeout)
			}
			if err != nil {
				return conns, nil, ch, rss, fmt.Errorf("load: handshake of connection %d of %d: %w", i+1, o.Conns, err)
			}
		}
	}
	if ch != nil {
		u, err := processUsage(o.ServerPID)
		if err != nil {
			return conns, nil, ch, rss, err
		}
		rss = u.rss
	}
	return conns, sh, ch, rss, nil
}

// measure runs the phases and fills in the result.
func (l *loop) measure(o *Options, r *Result, rss int64) error {
	if o.Warmup > 0 {
		o.Progress(fmt.Sprintf("warming up for %v", o.Warmup))
		if err := l.run(-1, l.now()+int64(o.Warmup)); err != nil {
			return err
		}
		if err := l.run(0, 0); err != nil {
			return err
		}
	}
	// What the set-up left behind is collected before, not while measuring.
	runtime.GC()
	l.tally.begin()
	before, err := takeSample(o.ServerPID)
	if err != nil {
		return err
	}
	if o.Count > 0 {
		o.Progress(fmt.Sprintf("measuring %d requests", o.Count))
		err = l.run(o.Count, 0)
	} else {
		o.Progress(fmt.Sprintf("measuring for %v", o.Duration))
		err = l.run(-1, l.now()+int64(o.Duration))
	}
	if err != nil {
		return err
	}
	after, err := takeSample(o.ServerPID)
	if err != nil {
		// A server that is gone is a result too: its connections are closed.
		o.Progress(fmt.Sprintf("the server's process cannot be read any more: %v", err))
		o.ServerPID = 0
		if after, err = takeSample(0); err != nil {
			return err
		}
	}
	r.take(l.tally, after.at.Sub(before.at).Seconds())
	r.between(before, after, o.ServerPID, rss)
	o.Progress("draining")
	if err := l.run(0, 0); err != nil {
		return err
	}
	r.Sent, r.Answered = l.tally.sent, l.tally.good
	r.Errors = l.tally.errors
	r.ErrorTotal = r.Errors.Total()
	return nil
}
