package mcptest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/gannetmcp/gannet/codec"
	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/engine/mcp"
)

// ErrClosed is returned once the connection has ended.
var ErrClosed = errors.New("mcptest: connection closed")

// TB is what a Client needs of a test. *testing.T, *testing.B and *testing.F
// have it; an Example can bring its own.
type TB interface {
	Helper()
	Cleanup(func())
	Errorf(format string, args ...any)
	Fatal(args ...any)
}

// Client is one connection to a server of its own engine. Its methods are safe
// from any goroutine.
type Client struct {
	t      TB
	engine *engine.Engine
	loop   *engine.Loop
	conn   *engine.Conn
	timer  *time.Timer
	clock  *clock
	mark   mark // of the goroutines that the server starts

	turn  sync.Mutex    // whoever holds it owns the loop
	woken chan struct{} // somebody wants a turn; capacity 1
	done  chan struct{} // closed when nobody can any more

	mu      sync.Mutex // protects what follows
	tail    []byte     // of a line not complete
	nextID  int
	modern  bool
	pending map[string]chan<- json.RawMessage
	inbox   []string
	arrived chan struct{} // closed and replaced when inbox grows
	notes   []Notification
	over    chan struct{} // closed at the end of the connection
	reason  engine.CloseReason
	checked sync.Once
}

// Notification is a message of the server's own.
type Notification struct {
	Method string
	Params json.RawMessage
}

// clock is the engine's clock, on the time package of the bubble it was made in.
type clock struct{ base time.Time }

func (c *clock) Now() int64 { return int64(time.Since(c.base)) }

// New connects to svc with default options, and closes the connection at the
// end of the test.
func New(t TB, svc engine.Service) *Client { return NewWithOptions(t, svc, engine.Options{}) }

// NewWithOptions is New with options for the engine; its Clock is replaced.
func NewWithOptions(t TB, svc engine.Service, o engine.Options) *Client {
	t.Helper()
	c := &Client{
		t: t, pending: map[string]chan<- json.RawMessage{}, clock: &clock{time.Now()},
		over: make(chan struct{}), arrived: make(chan struct{}),
		mark: newMark(), woken: make(chan struct{}, 1), done: make(chan struct{}),
	}
	o.Clock = c.clock
	e, err := engine.New(svc, o)
	if err != nil {
		t.Fatal(err)
	}
	c.engine = e
	c.timer = time.AfterFunc(time.Hour, c.Wake)
	c.timer.Stop()
	c.loop = e.NewLoop(c)
	c.mark.on(func() { go c.drive() })
	c.inTurn(func() { c.conn = c.loop.Open((*wire)(c), nil) })
	if c.conn == nil {
		e.Close()
		close(c.done)
		t.Fatal("mcptest: the service refused the connection")
		return nil
	}
	t.Cleanup(c.Close)
	return c
}

// inTurn runs f inside a turn of the loop.
func (c *Client) inTurn(f func()) {
	c.turn.Lock()
	defer c.turn.Unlock()
	c.mark.on(func() {
		c.loop.Begin()
		f()
		c.loop.End()
	})
}

// Wake is the engine's.
func (c *Client) Wake() {
	select {
	case c.woken <- struct{}{}:
	default:
	}
}

// drive runs the turns that the engine asks for.
func (c *Client) drive() {
	for {
		select {
		case <-c.woken:
			c.turn.Lock()
			c.loop.Turn()
			c.turn.Unlock()
		case <-c.done:
			return
		}
	}
}

// WakeAt is the engine's.
func (c *Client) WakeAt(at int64) { c.timer.Reset(time.Duration(at - c.clock.Now())) }

// wire is the client's end of the connection as the engine sees it.
type wire Client

func (w *wire) Write(p []byte) (int, error) {
	c := (*Client)(w)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tail = append(c.tail, p...)
	for {
		i := bytes.IndexByte(c.tail, '\n')
		if i < 0 {
			return len(p), nil
		}
		line := bytes.Clone(c.tail[:i])
		c.tail = c.tail[i+1:]
		c.take(line)
	}
}

func (w *wire) Resume() {}

func (w *wire) Close(r engine.CloseReason) {
	c := (*Client)(w)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reason = r
	close(c.over)
}

func (w *wire) Peer() engine.Peer { return engine.Peer{Transport: "memory"} }

// take sorts one message. The caller holds c.mu.
func (c *Client) take(line []byte) {
	var m struct {
		ID     json.RawMessage
		Method string
		Params json.RawMessage
	}
	if err := json.Unmarshal(line, &m); err == nil {
		if ch := c.pending[string(m.ID)]; ch != nil && m.Method == "" {
			delete(c.pending, string(m.ID))
			ch <- line
			return
		}
		if m.Method != "" && m.ID == nil {
			c.notes = append(c.notes, Notification{m.Method, m.Params})
		}
	} else if !bytes.HasPrefix(line, []byte("[")) || !json.Valid(line) {
		c.t.Errorf("mcptest: the server sent what is no JSON: %.200q", line)
	}
	c.inbox = append(c.inbox, string(line))
	close(c.arrived)
	c.arrived = make(chan struct{})
}

// Send hands one message to the server as it stands. Answers that no Call
// waits for are read by Receive.
func (c *Client) Send(message string) {
	c.inTurn(func() {
		if !c.conn.Closed() {
			c.conn.Receive([]byte(message))
		}
	})
}

// SendEnd ends the input, as a peer does that shuts down its sending half.
func (c *Client) SendEnd() { c.inTurn(c.conn.EndOfInput) }

// Receive returns the next message of the server's that no Call waits for,
// notifications among them.
func (c *Client) Receive(ctx context.Context) (string, error) {
	for {
		c.mu.Lock()
		if len(c.inbox) > 0 {
			m := c.inbox[0]
			c.inbox = c.inbox[1:]
			c.mu.Unlock()
			return m, nil
		}
		arrived := c.arrived
		c.mu.Unlock()
		select {
		case <-arrived:
		case <-c.over:
			return "", ErrClosed
		case <-ctx.Done():
			return "", context.Cause(ctx)
		}
	}
}

// Notifications returns what the server has notified so far.
func (c *Client) Notifications() []Notification {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]Notification(nil), c.notes...)
}

// SetModern says whether calls carry the metadata of revision 2026-07-28 from
// here on, which needs no Initialize.
func (c *Client) SetModern(modern bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.modern = modern
}

// Initialize binds the connection to a revision up to 2025-11-25, and returns
// the server's result.
func (c *Client) Initialize(ctx context.Context, revision string) (json.RawMessage, error) {
	res, err := c.Call(ctx, "initialize", map[string]any{
		"protocolVersion": revision,
		"capabilities":    map[string]any{},
		"clientInfo":      map[string]any{"name": "mcptest", "version": "1"},
	})
	if err == nil {
		err = c.Notify("notifications/initialized", nil)
	}
	return res, err
}

// params adds the metadata that the modern era wants. What else is in params
// stays as it is written.
func (c *Client) params(params any) (map[string]json.RawMessage, error) {
	m := map[string]json.RawMessage{}
	if params != nil {
		b, err := json.Marshal(params)
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(b, &m); err != nil {
			return nil, fmt.Errorf("mcptest: params must be an object: %w", err)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.modern {
		return m, nil
	}
	meta := map[string]json.RawMessage{}
	if given, ok := m["_meta"]; ok {
		if err := json.Unmarshal(given, &meta); err != nil {
			return nil, fmt.Errorf("mcptest: params._meta must be an object: %w", err)
		}
	}
	for name, v := range map[string]string{
		"protocolVersion":    `"` + mcp.LatestRevision + `"`,
		"clientCapabilities": `{}`,
		"clientInfo":         `{"name":"mcptest","version":"1"}`,
	} {
		if name = "io.modelcontextprotocol/" + name; meta[name] == nil {
			meta[name] = json.RawMessage(v)
		}
	}
	var err error
	m["_meta"], err = json.Marshal(meta)
	return m, err
}

// Call sends a request and waits for its answer. params is marshalled; nil
// stands for none. When ctx ends first, the request is cancelled and ctx's
// cause returned. An error that the server answered with is an *mcp.Error.
func (c *Client) Call(ctx context.Context, method string, params any) (json.RawMessage, error) {
	p, err := c.params(params)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	c.nextID++
	id := strconv.Itoa(c.nextID)
	answer := make(chan json.RawMessage, 1)
	c.pending[id] = answer
	c.mu.Unlock()
	b, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": json.Number(id), "method": method, "params": p})
	if err != nil {
		return nil, err
	}
	c.Send(string(b))
	select {
	case line := <-answer:
		return result(line)
	case <-c.over:
		select {
		case line := <-answer:
			return result(line)
		default:
			return nil, ErrClosed
		}
	case <-ctx.Done():
		c.mu.Lock()
		delete(c.pending, id)
		c.mu.Unlock()
		c.Send(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":` + id + `}}`)
		return nil, context.Cause(ctx)
	}
}

func result(line []byte) (json.RawMessage, error) {
	var m struct {
		Result json.RawMessage
		Error  *struct {
			Code    codec.Code
			Message string
			Data    json.RawMessage
		}
	}
	if err := json.Unmarshal(line, &m); err != nil {
		return nil, err
	}
	if m.Error != nil {
		return nil, &mcp.Error{Code: m.Error.Code, Message: m.Error.Message, Data: m.Error.Data}
	}
	return m.Result, nil
}

// Notify sends a notification.
func (c *Client) Notify(method string, params any) error {
	m := map[string]any{"jsonrpc": "2.0", "method": method}
	if params != nil {
		m["params"] = params
	}
	b, err := json.Marshal(m)
	if err != nil {
		return err
	}
	c.Send(string(b))
	return nil
}

// ToolResult is the result of a tool call.
type ToolResult struct {
	Content           []Content
	StructuredContent json.RawMessage
	IsError           bool
}

// Content is a content block, with the members that most kinds have.
type Content struct {
	Type, Text, Data, MimeType, URI, Name string
}

// Text returns the text of all text blocks together.
func (r *ToolResult) Text() (s string) {
	for _, b := range r.Content {
		if b.Type == "text" {
			s += b.Text
		}
	}
	return s
}

// CallTool calls a tool. args is marshalled; nil stands for none.
func (c *Client) CallTool(ctx context.Context, name string, args any) (*ToolResult, error) {
	p := map[string]any{"name": name}
	if b, err := json.Marshal(args); err != nil {
		return nil, fmt.Errorf("mcptest: arguments of tool %s: %w", name, err)
	} else if string(b) != "null" { // as a nil map is
		p["arguments"] = json.RawMessage(b)
	}
	raw, err := c.Call(ctx, "tools/call", p)
	if err != nil {
		return nil, err
	}
	r := &ToolResult{}
	if err := json.Unmarshal(raw, r); err != nil {
		return nil, fmt.Errorf("mcptest: result of tool %s: %w", name, err)
	}
	return r, nil
}

// Engine returns the engine behind the connection.
func (c *Client) Engine() *engine.Engine { return c.engine }

// patience is how long Close waits for what should end by itself.
const patience = 10 * time.Second

// Close ends the connection and fails the test if the server does not give
// everything back within some ten seconds: calls, whose contexts end with the
// connection; the goroutines that the server and its handlers have started;
// buffers and what was charged to the byte budget. Idempotent; the end of the
// test calls it.
func (c *Client) Close() {
	c.checked.Do(func() {
		c.t.Helper()
		defer c.timer.Stop()
		c.inTurn(func() { c.conn.Close(engine.CloseLocal) })
		ended := make(chan struct{})
		go func() {
			c.engine.Close()
			close(ended)
		}()
		select {
		case <-ended:
		case <-time.After(patience):
			c.t.Errorf("mcptest: %d calls have not ended %v after their connection has: handlers must watch Call.Context or Call.Ended\n%s",
				c.engine.Snapshot().InFlight, patience, c.mark.goroutines())
			close(c.done)
			return
		}
		c.inTurn(func() {})
		close(c.done)
		s := c.engine.Snapshot()
		if s.Connections != 0 || s.InFlight != 0 || s.BufferedBytes != 0 {
			c.t.Errorf("mcptest: the server still holds %d connections, %d calls and %d bytes", s.Connections, s.InFlight, s.BufferedBytes)
		}
		if b := c.engine.Buffers().Stats(); b.Outstanding != b.Cached {
			c.t.Errorf("mcptest: %d buffers were not given back", b.Outstanding-b.Cached)
		}
		for pause := time.Millisecond; ; pause *= 2 {
			left := c.mark.goroutines()
			if left == "" {
				return
			}
			if pause > patience {
				c.t.Errorf("mcptest: goroutines that were started while the server served have not ended:\n%s", left)
				return
			}
			time.Sleep(pause)
		}
	})
}
