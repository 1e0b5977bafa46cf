package transports

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/codec"
	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/engine/mcp"
	"github.com/gannetmcp/gannet/engine/pool"
)

// startDemo runs the program on a Unix socket until it is killed, at the end of
// the test at the latest, and waits until it listens.
func startDemo(t *testing.T, binary, url string) *exec.Cmd {
	t.Helper()
	addr := filepath.Join(t.TempDir(), "addr")
	cmd := exec.Command(binary, "serve", "--demo", "--listen", url, "--addr-file", addr)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	eventually(t, "the server listens", func() bool { _, err := os.Stat(addr); return err == nil })
	return cmd
}

func isCode(err error, c codec.Code) bool {
	var answer *mcp.Error
	return errors.As(err, &answer) && answer.Code == c
}

// A pool's borrowers go on when the server, another process, is killed and
// started again: what is in flight fails as such, then calls resume; nothing is
// lost or left, whether connections are shared or not.
func TestDialPoolRestart(t *testing.T) {
	binary := buildGannet(t)
	for _, perConn := range []int{1, 4} {
		t.Run(fmt.Sprint("perConn ", perConn), func(t *testing.T) {
			url := "unix://" + socketPath(t)
			server := startDemo(t, binary, url)
			nothingLeft(t)
			p, err := DialPool(testClient(""), url, DialOptions{}, pool.PoolOptions{
				Size: 6, Max: 8, PerConn: perConn, Strategy: pool.LeastLoaded, HealthInterval: 100 * time.Millisecond,
				RetryMin: 5 * time.Millisecond, RetryMax: 50 * time.Millisecond,
				Breaker: pool.BreakerOptions{Open: 20 * time.Millisecond},
			})
			if err != nil {
				t.Fatal(err)
			}
			stop := make(chan struct{})
			var wg sync.WaitGroup
			var served, lost, refused atomic.Int64
			for i := range 24 {
				wg.Go(func() {
					for n := 0; ; n++ {
						select {
						case <-stop:
							return
						default:
						}
						ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
						err := p.Do(ctx, func(ctx context.Context, s *mcp.ClientSession) error {
							text := fmt.Sprint(i, " says ", n)
							r, err := s.CallTool(ctx, "echo", map[string]any{"text": text})
							if err == nil && r.Text() != text {
								t.Errorf("%q answered with %q", text, r.Text())
							}
							return err
						})
						cancel()
						switch {
						case err == nil:
							served.Add(1)
						case errors.Is(err, pool.ErrBreakerOpen):
							refused.Add(1)
							time.Sleep(time.Millisecond)
						case errors.Is(err, engine.ErrConnClosed):
							lost.Add(1)
						case isCode(err, codec.CodeShuttingDown): // SIGTERM, in the server's last moments
							lost.Add(1)
						default:
							t.Error(err)
						}
					}
				})
			}
			for _, end := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM, syscall.SIGKILL} {
				at := served.Load()
				eventually(t, "calls are served", func() bool { return served.Load() > at+500 })
				if err := server.Process.Signal(end); err != nil {
					t.Fatal(err)
				}
				_ = server.Wait() // how it ended is our doing
				eventually(t, "the pool has noticed", func() bool {
					s := p.Snapshot()
					return s.Open == 0 && s.Breaker.Opened > 0
				})
				server = startDemo(t, binary, url)
			}
			at := served.Load()
			eventually(t, "calls are served again", func() bool { return served.Load() > at+500 })
			close(stop)
			wg.Wait()
			s := p.Snapshot()
			if s.Lent != 0 || s.Waiting != 0 || s.Busy != 0 || s.PeakOpen > 8 || s.Lost < 3 || s.DialFailures == 0 || lost.Load() == 0 || refused.Load() == 0 {
				t.Errorf("served %d, lost %d, refused %d, snapshot %+v", served.Load(), lost.Load(), refused.Load(), s)
			}
			if err := p.Close(context.Background()); err != nil {
				t.Error(err)
			}
			if s := p.Snapshot(); s.Open+s.Dialing+s.Closing+s.Dead != 0 || s.Closed != s.Dials-s.DialFailures {
				t.Errorf("after Close: %+v", s)
			}
		})
	}
}

// Idle sessions are pinged and, the server being gone, dropped, with nobody
// borrowing; with Warm they come back by themselves.
func TestDialPoolIdle(t *testing.T) {
	srv := demo(t, "unix://"+socketPath(t))
	url := srv.Addrs()[0]
	nothingLeft(t)
	p, err := DialPool(testClient(""), url, DialOptions{}, pool.PoolOptions{Size: 4, Warm: 4, HealthInterval: 20 * time.Millisecond,
		RetryMin: time.Millisecond, RetryMax: 20 * time.Millisecond, Breaker: pool.BreakerOptions{Open: 10 * time.Millisecond}})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "all are open and have been pinged", func() bool { s := p.Snapshot(); return s.Open == 4 && s.Pings > 8 })
	if s := p.Snapshot(); s.PingFailures != 0 || s.Lost != 0 {
		t.Errorf("%+v", s)
	}
	if err := srv.Close(); err != nil {
		t.Error(err)
	}
	eventually(t, "they are gone", func() bool { s := p.Snapshot(); return s.Open == 0 && s.Lost == 4 && s.DialFailures > 0 })
	next := demo(t, url)
	eventually(t, "they are back", func() bool { return p.Snapshot().Open == 4 })
	if err := p.Close(context.Background()); err != nil {
		t.Error(err)
	}
	_ = next.Close()
}

func TestDialPoolErrors(t *testing.T) {
	for _, tc := range []struct {
		name, url string
		d         DialOptions
		o         pool.PoolOptions
		want      string
	}{
		{"no URL", "%", DialOptions{}, pool.PoolOptions{}, "is no URL"},
		{"another scheme", "http://127.0.0.1:1/", DialOptions{}, pool.PoolOptions{}, "webclient"},
		{"no port", "tcp://127.0.0.1", DialOptions{}, pool.PoolOptions{}, "HOST:PORT"},
		{"reconnecting sessions", "tcp://127.0.0.1:1", DialOptions{Reconnect: true}, pool.PoolOptions{}, "Reconnect"},
		{"dial options", "tcp://127.0.0.1:1", DialOptions{DialTimeout: -1}, pool.PoolOptions{}, "DialTimeout"},
		{"pool options", "tcp://127.0.0.1:1", DialOptions{}, pool.PoolOptions{Max: 101}, "Max is 101"},
	} {
		p, err := DialPool(testClient(""), tc.url, tc.d, tc.o)
		if p != nil || err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
	// Nobody there: who waits is told why.
	p, err := DialPool(testClient(""), "unix://"+socketPath(t), DialOptions{}, pool.PoolOptions{WaitTimeout: 300 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.Checkout(context.Background())
	if !errors.Is(err, pool.ErrWaitTimeout) || !strings.Contains(err.Error(), "start the server") {
		t.Errorf("nobody there: %v", err)
	}
	if err := p.Close(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestJudgeCall(t *testing.T) {
	answer := func(c codec.Code) error { return fmt.Errorf("wrapped: %w", &mcp.Error{Code: c}) }
	for _, tc := range []struct {
		err  error
		want pool.Outcome
	}{
		{answer(codec.CodeInvalidParams), pool.OutcomeOK},
		{answer(codec.CodeInternal), pool.OutcomeOK},
		{answer(codec.CodeResourceNotFound), pool.OutcomeOK},
		{answer(codec.CodeOverloaded), pool.OutcomeFailed},
		{answer(codec.CodeRateLimited), pool.OutcomeFailed},
		{answer(codec.CodeTimedOut), pool.OutcomeFailed},
		{answer(codec.CodeShuttingDown), pool.OutcomeFailed},
		{answer(codec.CodeNoSession), pool.OutcomeFailed},
		{mcp.ErrRequestTimeout, pool.OutcomeFailed},
		{fmt.Errorf("x: %w", mcp.ErrBadAnswer), pool.OutcomeFailed},
		{context.DeadlineExceeded, pool.OutcomeFailed},
		{engine.ErrConnClosed, pool.OutcomeBroken},
		{fmt.Errorf("x: %w: %w", engine.ErrConnClosed, context.DeadlineExceeded), pool.OutcomeBroken},
		{&net.OpError{Op: "read", Err: syscall.ECONNRESET}, pool.OutcomeFailed},
		{&url.Error{Op: "Post", Err: context.Canceled}, pool.OutcomeIgnored},
		{context.Canceled, pool.OutcomeIgnored},
		{mcp.ErrTooManyPending, pool.OutcomeIgnored},
		{mcp.ErrNotInRevision, pool.OutcomeIgnored},
		{errors.New("the borrower's own"), pool.OutcomeIgnored},
	} {
		if got := JudgeCall(tc.err); got != tc.want {
			t.Errorf("%v: %v, want %v", tc.err, got, tc.want)
		}
	}
}
