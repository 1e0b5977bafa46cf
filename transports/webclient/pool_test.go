package webclient

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/codec"
	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/engine/mcp"
	"github.com/gannetmcp/gannet/engine/mcp/fixture"
	"github.com/gannetmcp/gannet/engine/pool"
	"github.com/gannetmcp/gannet/transports"
)

// A pool of sessions over HTTP serves many, notices by its pings that the server is
// gone, and goes on when it is back.
func TestDialPool(t *testing.T) {
	listen := func(url string) *transports.Server {
		svc := mcp.NewServer(mcp.Options{Name: "web"})
		fixture.AddDemo(svc)
		s, err := transports.Listen(svc, transports.Options{Loops: 1, Listeners: []transports.Listener{{URL: url}}})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	srv := listen("http://127.0.0.1:0")
	base := srv.Addrs()[0]
	url := base + "/mcp"
	client := mcp.NewClient(mcp.ClientOptions{Name: "test", Revision: mcp.Revision20251125})
	p, err := DialPool(client, url, Options{}, pool.PoolOptions{Size: 3, Max: 3, Warm: 3, PerConn: 4, Strategy: pool.LeastLoaded,
		HealthInterval: 50 * time.Millisecond, RetryMin: 5 * time.Millisecond, RetryMax: 50 * time.Millisecond,
		Breaker: pool.BreakerOptions{Open: 20 * time.Millisecond}})
	if err != nil {
		t.Fatal(err)
	}
	use := func(n int) {
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() {
				err := p.Do(t.Context(), func(ctx context.Context, s *mcp.ClientSession) error {
					text := fmt.Sprint("text ", i)
					r, err := s.CallTool(ctx, "echo", map[string]any{"text": text})
					if err == nil && r.Text() != text {
						t.Errorf("%q", r.Text())
					}
					return err
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
	use(60)
	if s := p.Snapshot(); s.Checkins != 60 || s.PeakOpen > 3 || s.Lost != 0 {
		t.Errorf("%d returned, %d open at most, %d lost", s.Checkins, s.PeakOpen, s.Lost)
	}
	if err := srv.Close(); err != nil {
		t.Error(err)
	}
	eventually(t, "the sessions are gone", func() bool { return p.Snapshot().Open == 0 })
	srv = listen(base)
	eventually(t, "the sessions are back", func() bool { s := p.Snapshot(); return s.Open == 3 && s.Breaker.State != pool.BreakerOpen })
	for end := time.Now().Add(10 * time.Second); p.Breaker().State() != pool.BreakerClosed && time.Now().Before(end); {
		_ = p.Do(t.Context(), func(ctx context.Context, s *mcp.ClientSession) error { return s.Ping(ctx) }) // a trial, or refused
		time.Sleep(time.Millisecond)
	}
	use(60)
	if err := p.Close(context.Background()); err != nil {
		t.Error(err)
	}
	if s := p.Snapshot(); s.Open+s.Dialing+s.Closing+s.Lent != 0 || s.Lost < 3 {
		t.Errorf("after Close %d open, %d dialled, %d closing, %d lent; %d were lost", s.Open, s.Dialing, s.Closing, s.Lent, s.Lost)
	}
	if err := srv.Close(); err != nil {
		t.Error(err)
	}
}

func TestDialPoolErrors(t *testing.T) {
	for _, tc := range []struct {
		url  string
		d    Options
		o    pool.PoolOptions
		want string
	}{
		{"%", Options{}, pool.PoolOptions{}, "is no URL"},
		{"tcp://127.0.0.1:1", Options{}, pool.PoolOptions{}, "want http://"},
		{"http:///mcp", Options{}, pool.PoolOptions{}, "the host is missing"},
		{"sse+tcp://127.0.0.1:1", Options{}, pool.PoolOptions{}, "want http://"},
		{"http://127.0.0.1:1/", Options{PostTimeout: -1}, pool.PoolOptions{}, "PostTimeout"},
		{"http://127.0.0.1:1/", Options{Dial: transports.DialOptions{Reconnect: true}}, pool.PoolOptions{}, "Reconnect"},
		{"http://127.0.0.1:1/", Options{}, pool.PoolOptions{PerConn: 65}, "PerConn is 65"},
	} {
		if p, err := DialPool(mcp.NewClient(mcp.ClientOptions{Name: "test"}), tc.url, tc.d, tc.o); p != nil || err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%q: %v", tc.url, err)
		}
	}
	for _, tc := range []struct {
		err  error
		want pool.Outcome
	}{
		{&StatusError{Status: 404}, pool.OutcomeBroken},
		{fmt.Errorf("x: %w", &StatusError{Status: 503}), pool.OutcomeFailed},
		{&StatusError{Status: 429}, pool.OutcomeFailed},
		{&StatusError{Status: 500}, pool.OutcomeFailed},
		{&StatusError{Status: 401}, pool.OutcomeIgnored},
		{&StatusError{Status: 400, RPC: &mcp.Error{Code: codec.CodeInvalidParams}}, pool.OutcomeOK},
		{&mcp.Error{Code: codec.CodeInvalidParams}, pool.OutcomeOK},
		{engine.ErrConnClosed, pool.OutcomeBroken},
		{errors.New("the borrower's own"), pool.OutcomeIgnored},
	} {
		if got := judgeCall(tc.err); got != tc.want {
			t.Errorf("%v: %v, want %v", tc.err, got, tc.want)
		}
	}
}
