package transports

import (
	"context"
	"errors"
	"io"

	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/engine/mcp"
)

// Carrier is one connection of a client over what Dial and Command do not know,
// in the form of two streams of lines, each a message (see FRAMING.md). It is
// how transports/webclient carries messages over HTTP.
type Carrier interface {
	// Attach tells of the session that the lines belong to, before the first
	// Write. It must not block.
	Attach(*mcp.ClientSession)
	// Reader returns what the server sends, and io.EOF when the connection has
	// ended and nothing of it runs any more. It is read by one goroutine.
	io.Reader
	// Writer takes what goes to the server, in pieces that end anywhere. It must
	// not wait, and not keep p; what it takes no more of it is given again. It is
	// called from one goroutine at a time.
	io.Writer
	// Hangup ends the connection, after which Read must end before long. Called
	// once; it must not block.
	Hangup()
	// Closer is called after Read has ended. Its error tells what was wrong with
	// the end, and is what requests fail with.
	io.Closer
	// Peer describes the server.
	Peer() engine.Peer
}

// DialCarrier is Dial over connections that open makes: one, or with
// DialOptions.Reconnect as many as get lost. name is for errors and logs.
// DialTimeout bounds each call of open; KeepAlive is open's own affair.
func DialCarrier(ctx context.Context, client *mcp.Client, name string, open func(context.Context) (Carrier, error), o DialOptions) (*mcp.ClientSession, error) {
	o = o.withDefaults()
	if err := o.validate(); err != nil {
		return nil, err
	}
	if open == nil {
		return nil, errors.New("transports: DialCarrier without a function that opens connections")
	}
	return o.connect(ctx, client, name, func(ctx context.Context) (ends, error) {
		ctx, cancel := context.WithTimeout(ctx, o.DialTimeout)
		defer cancel()
		c, err := open(ctx)
		if err != nil {
			return ends{}, err
		}
		return ends{in: c, out: c, hangUp: c.Hangup, reap: c.Close, peer: c.Peer(), attach: c.Attach}, nil
	})
}
