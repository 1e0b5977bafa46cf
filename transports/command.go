package transports

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/engine/mcp"
)

// Defaults of CommandOptions.
const (
	DefaultExitTimeout = 2 * time.Second
	DefaultTermTimeout = 2 * time.Second
	DefaultStderrTail  = 8 << 10
)

// CommandOptions configures a client's server process. The zero value is usable.
type CommandOptions struct {
	// Engine configures the engine behind the session, as DialOptions.Engine.
	Engine engine.Options
	// ExitTimeout is how long the process may take to end once its standard
	// input is closed; then it gets SIGTERM, and TermTimeout later SIGKILL
	// (2025-11-25, "stdio, Shutdown"). Zero: 2 s each; negative: no wait.
	ExitTimeout, TermTimeout time.Duration
	// StderrTail is how many bytes of the end of the process's standard error
	// are kept for errors that tell of its end, where cmd.Stderr is nil; that
	// takes a goroutine. Zero: 8 KiB; negative: none, it is discarded. To pass
	// it on instead, set cmd.Stderr, for example to os.Stderr.
	StderrTail int
	// Logger takes what an operator should know. nil discards.
	Logger *slog.Logger
}

// killedWait is how long output of a process that was killed is waited for:
// its children may keep it open.
const killedWait = time.Second

// Command starts cmd, a server that speaks MCP on its standard input and
// output, and returns the session once it is negotiated. ctx bounds only that;
// to end the process with a context use exec.CommandContext.
//
// The session has an engine and one goroutine, which reads, beside what package
// exec needs for cmd.Stderr. ClientSession.Close closes the process's standard
// input and waits for its end, sending signals as CommandOptions says; to the
// whole process group where cmd.SysProcAttr.Setpgid has made one.
// ClientSession.Wait tells how the process ended.
//
// cmd.Stdin and cmd.Stdout must be nil. Errors name the command, and quote the
// end of its standard error where that is kept.
func Command(ctx context.Context, client *mcp.Client, cmd *exec.Cmd, o CommandOptions) (*mcp.ClientSession, error) {
	name := cmd.Path
	if cmd.Stdin != nil || cmd.Stdout != nil {
		return nil, fmt.Errorf("transports: %s: cmd.Stdin and cmd.Stdout must be nil: they carry the messages", name)
	}
	def := func(v *time.Duration, zero time.Duration) {
		switch {
		case *v == 0:
			*v = zero
		case *v < 0:
			*v = 0
		}
	}
	def(&o.ExitTimeout, DefaultExitTimeout)
	def(&o.TermTimeout, DefaultTermTimeout)
	if o.StderrTail == 0 {
		o.StderrTail = DefaultStderrTail
	}
	c, err := newCaller(name, client, o.Engine, o.Logger)
	if err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, opts: o}
	l, err := p.start()
	if err != nil {
		c.close()
		return nil, fmt.Errorf("transports: %s: %w", name, err)
	}
	return c.connect(ctx, l)
}

// process is a server that is a child of ours.
type process struct {
	cmd    *exec.Cmd
	opts   CommandOptions
	stdin  *os.File
	stdout *os.File
	stderr *tail // nil if none is kept

	mu     sync.Mutex // protects timer and over
	timer  *time.Timer
	over   bool // the process has been waited for
	killed bool
}

// start starts the process on two pipes.
func (p *process) start() (ends, error) {
	childIn, stdin, err := os.Pipe()
	if err != nil {
		return ends{}, err
	}
	stdout, childOut, err := os.Pipe()
	if err != nil {
		_, _ = childIn.Close(), stdin.Close()
		return ends{}, err
	}
	cmd := p.cmd
	cmd.Stdin, cmd.Stdout = childIn, childOut
	if cmd.Stderr == nil && p.opts.StderrTail > 0 {
		p.stderr = &tail{max: p.opts.StderrTail}
		cmd.Stderr = p.stderr
	}
	if cmd.WaitDelay == 0 {
		cmd.WaitDelay = killedWait
	}
	err = cmd.Start()
	_, _ = childIn.Close(), childOut.Close()
	var out syscall.RawConn
	if err == nil {
		out, err = stdin.SyscallConn()
	}
	if err != nil {
		_, _ = stdin.Close(), stdout.Close()
		return ends{}, err
	}
	p.stdin, p.stdout = stdin, stdout
	return ends{in: stdout, out: kernel{out}, hangUp: p.hangUp, reap: p.reap, peer: engine.Peer{Transport: "stdio", Remote: cmd.Path}}, nil
}

// hangUp closes the process's standard input, and sees to it that it ends.
func (p *process) hangUp() {
	_ = p.stdin.Close()
	p.after(p.opts.ExitTimeout, func() {
		p.signal(syscall.SIGTERM)
		p.after(p.opts.TermTimeout, func() {
			p.mu.Lock()
			p.killed = true
			p.mu.Unlock()
			p.signal(syscall.SIGKILL)
			p.after(killedWait, func() { _ = p.stdout.Close() })
		})
	})
}

// after calls f after d unless the process has ended.
func (p *process) after(d time.Duration, f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.over {
		p.timer = time.AfterFunc(d, f)
	}
}

func (p *process) signal(sig syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over {
		return
	}
	if a := p.cmd.SysProcAttr; a != nil && a.Setpgid && a.Pgid == 0 {
		_ = syscall.Kill(-p.cmd.Process.Pid, sig)
		return
	}
	_ = p.cmd.Process.Signal(sig)
}

// reap waits for the end of the process, which hangUp has asked for.
func (p *process) reap() error {
	err := p.cmd.Wait()
	p.mu.Lock()
	p.over = true
	killed := p.killed
	p.timer.Stop()
	p.mu.Unlock()
	_ = p.stdout.Close()
	text := ""
	if p.stderr != nil {
		if text = p.stderr.String(); text != "" {
			text = "; the end of its standard error: " + text
		}
	}
	switch {
	case killed:
		return fmt.Errorf("the server had to be killed: it did not end when its input was closed, nor on SIGTERM%s", text)
	case err == nil || errors.Is(err, exec.ErrWaitDelay):
		if text == "" {
			return nil
		}
		return fmt.Errorf("the server has ended%s", text)
	}
	return fmt.Errorf("the server has ended: %w%s", err, text)
}

// tail keeps the end of what is written to it.
type tail struct {
	mu  sync.Mutex
	max int
	b   []byte
}

// Write keeps p, or the end of it.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, p[max(0, len(p)-t.max):]...)
	if over := len(t.b) - t.max; over > 0 {
		t.b = t.b[:copy(t.b, t.b[over:])]
	}
	return len(p), nil
}

// String returns what is kept.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.b))
}
