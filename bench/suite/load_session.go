package suite

import (
	"bufio"
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/gannetmcp/gannet/bench/load"
	"github.com/gannetmcp/gannet/bench/result"
	"github.com/gannetmcp/gannet/bench/subject"
)

// wholeSession connects, uses every step of a session, and closes.
func wholeSession(ctx context.Context, address string, from net.IP) error {
	d := net.Dialer{Timeout: churnTimeout, LocalAddr: &net.TCPAddr{IP: from}}
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	c := &churnConn{TCPConn: conn.(*net.TCPConn), in: bufio.NewReaderSize(conn, 16<<10)}
	err = c.SetDeadline(time.Now().Add(churnTimeout))
	if err == nil {
		err = c.opened()
	}
	if err == nil {
		err = c.ask(`{"jsonrpc":"2.0","id":1,"method":"tools/list"}`, `"tools":[`)
	}
	if err == nil {
		err = c.ask(callText(2, 0), `"id":2,"result"`)
	}
	return errors.Join(err, c.Close())
}

func wholeSessions(e *Env, s Settings) (*result.Result, error) {
	r := &result.Result{}
	err := e.with("tcp://127.0.0.1:0", nil, func(srv *subject.Server) (err error) {
		release, err := load.Pin(e.GeneratorCPU)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, release()) }()
		address := strings.TrimPrefix(srv.Addresses[0], "tcp://")
		var (
			mu    sync.Mutex // protects whole and first
			whole = newTiming(1)
			first error
			wait  sync.WaitGroup
		)
		begin := now()
		end := begin + int64(s.Time)
		for i := range s.Conns {
			wait.Go(func() {
				mine, err := newTiming(1), error(nil)
				for k := 0; now() < end && err == nil && e.Context.Err() == nil; k++ {
					at := now()
					// Ports of closed connections are not free at once: many addresses.
					if err = wholeSession(e.Context, address, net.IPv4(127, 0, byte(1+k%200), byte(1+i%250))); err == nil {
						mine.record(now() - at)
					}
				}
				mu.Lock()
				defer mu.Unlock()
				whole.times.Merge(mine.times)
				whole.ops += mine.ops
				if first == nil {
					first = err
				}
			})
		}
		wait.Wait()
		whole.ns = now() - begin
		if first != nil {
			return first
		}
		r.Add("rate", "1/s", whole.rate())
		whole.percentiles(r, "")
		r.Add("clock_ns", "ns", clockCost())
		return e.Context.Err()
	})
	return r, err
}
