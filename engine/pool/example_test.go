package pool_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/gannetmcp/gannet/engine/pool"
)

// A pool of plain connections: any type will do.
func ExampleNewPool() {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer ln.Close()
	p, err := pool.NewPool(pool.Dialer[net.Conn]{
		Dial: func(ctx context.Context) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "tcp", ln.Addr().String())
		},
		Close: net.Conn.Close,
	}, pool.PoolOptions{Size: 2, Max: 2})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	defer p.Close(ctx)

	a, err := p.Checkout(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	err = p.Do(ctx, func(_ context.Context, c net.Conn) error {
		fmt.Println("another one:", c != a.Conn())
		return nil
	})
	fmt.Println(err, a.Checkin(nil), a.Checkin(nil) != nil)
	s := p.Snapshot()
	fmt.Println(s.Open, "open,", s.Checkouts, "lent,", s.Checkins, "returned")
	// Output:
	// another one: true
	// <nil> <nil> true
	// 2 open, 2 lent, 2 returned
}

// A breaker in front of something that fails.
func ExampleBreaker() {
	b, err := pool.NewBreaker(pool.BreakerOptions{Failures: 3, OnChange: func(from, to pool.BreakerState) {
		fmt.Println(from, "->", to)
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 5 {
		t, err := b.Allow()
		if err != nil {
			fmt.Println("refused:", errors.Is(err, pool.ErrBreakerOpen))
			continue
		}
		// ... what may fail ...
		b.Report(t, pool.OutcomeFailed)
	}
	// Output:
	// closed -> open
	// refused: true
	// refused: true
}

// The size that a load needs, by a controller that is told of it.
func ExampleController() {
	c, err := pool.NewController(pool.ControllerOptions{Min: 10, Max: 100})
	if err != nil {
		fmt.Println(err)
		return
	}
	size := 10
	for range 12 { // so many samples with 30 connections in use, if there are as many
		s := pool.Sample{Size: size, Utilisation: min(1, 30/float64(size)), Waiting: max(0, 30-size)}
		if d := c.Next(s); d.Size != size {
			fmt.Println(size, "->", d.Size, d.Reason)
			size = d.Size
		}
	}
	// Output:
	// 10 -> 20 busy
	// 20 -> 40 busy
}
