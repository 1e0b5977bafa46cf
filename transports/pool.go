package transports

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/gannetmcp/gannet/codec"
	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/engine/mcp"
	"github.com/gannetmcp/gannet/engine/pool"
)

// DialPool returns a pool of sessions of client with the server at rawURL, each
// over a connection of its own; see Dial. It returns at once: connections are
// made as they are needed. A server may be away for a while, or be started again:
// borrowers wait until its sessions are back, and what is lost is dialled again
// by the rules of the pool, so d.Reconnect must not be set. Sessions multiplex, so
// that o.PerConn may be more than 1 where calls need no order.
//
//	p, err := transports.DialPool(client, "tcp://127.0.0.1:7600", transports.DialOptions{}, pool.PoolOptions{})
//	…
//	defer p.Close(ctx)
//	err = p.Do(ctx, func(ctx context.Context, s *mcp.ClientSession) error {
//		r, err = s.CallTool(ctx, "echo", map[string]any{"text": "hello"})
//		return err
//	})
//
// Errors: a URL that Dial does not know; options that make no sense.
func DialPool(client *mcp.Client, rawURL string, d DialOptions, o pool.PoolOptions) (*pool.Pool[*mcp.ClientSession], error) {
	if d.Reconnect {
		return nil, errors.New("transports: DialPool: DialOptions.Reconnect is the pool's business; leave it out")
	}
	checked := d.withDefaults()
	if err := checked.validate(); err != nil {
		return nil, err
	}
	if _, err := dialTarget(rawURL); err != nil {
		return nil, err
	}
	p, err := pool.NewPool(SessionDialer(func(ctx context.Context) (*mcp.ClientSession, error) {
		return Dial(ctx, client, rawURL, d)
	}), o)
	if err != nil {
		return nil, fmt.Errorf("transports: DialPool: %w", err)
	}
	return p, nil
}

// SessionDialer has a pool lend client sessions that dial makes, by Dial, by
// Command or else; for servers on HTTP there is webclient.DialPool. A session must end with its connection, not
// reconnect.
//
// Of what borrowers report, an answer of the server is OutcomeOK even if it is an
// error, but for the codes that say that it is overloaded, out of room, shutting
// down, or took too long; these, an answer that does not come or makes no sense,
// an error of the network and the end of the borrower's deadline are
// OutcomeFailed; the end of the connection is OutcomeBroken. Anything else tells
// nothing of the server: OutcomeIgnored.
func SessionDialer(dial func(context.Context) (*mcp.ClientSession, error)) pool.Dialer[*mcp.ClientSession] {
	return pool.Dialer[*mcp.ClientSession]{
		Dial:  dial,
		Close: (*mcp.ClientSession).Close,
		Ping:  func(ctx context.Context, s *mcp.ClientSession) error { return s.Ping(ctx) },
		Done:  (*mcp.ClientSession).Done,
		Judge: JudgeCall,
	}
}

// JudgeCall says what the error of a call tells of its server and its session, as
// SessionDialer has it.
func JudgeCall(err error) pool.Outcome {
	var answer *mcp.Error
	var network net.Error
	switch {
	case errors.Is(err, engine.ErrConnClosed):
		return pool.OutcomeBroken
	case errors.Is(err, context.Canceled):
		return pool.OutcomeIgnored
	case errors.As(err, &answer):
		switch answer.Code {
		case codec.CodeOverloaded, codec.CodeRateLimited, codec.CodeTimedOut, codec.CodeShuttingDown, codec.CodeNoSession:
			return pool.OutcomeFailed
		}
		return pool.OutcomeOK
	case errors.Is(err, mcp.ErrRequestTimeout), errors.Is(err, mcp.ErrBadAnswer), errors.Is(err, context.DeadlineExceeded), errors.As(err, &network):
		return pool.OutcomeFailed
	}
	return pool.OutcomeIgnored
}
