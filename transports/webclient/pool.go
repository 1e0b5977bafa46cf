package webclient

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/gannetmcp/gannet/engine/mcp"
	"github.com/gannetmcp/gannet/engine/pool"
	"github.com/gannetmcp/gannet/transports"
)

// DialPool is transports.DialPool for a server on HTTP: a pool of sessions with the
// server at rawURL, as Dial makes them. Connections of HTTP are shared by all of
// them as net/http sees fit; what a pool adds is the bound, the queue, the health
// checks and the breaker.
//
// A session that the server has ended (404) is replaced; the statuses 429 and from
// 500 on count as failures of the server (pool.OutcomeFailed).
//
// Errors: a URL that is none of HTTP; options that make no sense.
func DialPool(client *mcp.Client, rawURL string, d Options, o pool.PoolOptions) (*pool.Pool[*mcp.ClientSession], error) {
	if d.Dial.Reconnect {
		return nil, errors.New("webclient: DialPool: DialOptions.Reconnect is the pool's business; leave it out")
	}
	checked := d.withDefaults()
	if err := checked.validate(); err != nil {
		return nil, err
	}
	if _, _, err := target(rawURL); err != nil {
		return nil, err
	}
	dialer := transports.SessionDialer(func(ctx context.Context) (*mcp.ClientSession, error) {
		return Dial(ctx, client, rawURL, d)
	})
	dialer.Judge = judgeCall
	p, err := pool.NewPool(dialer, o)
	if err != nil {
		return nil, fmt.Errorf("webclient: DialPool: %w", err)
	}
	return p, nil
}

func judgeCall(err error) pool.Outcome {
	var status *StatusError
	if errors.As(err, &status) {
		switch {
		case status.Status == http.StatusNotFound:
			return pool.OutcomeBroken
		case status.Status == http.StatusTooManyRequests || status.Status >= 500:
			return pool.OutcomeFailed
		}
	}
	return transports.JudgeCall(err)
}
