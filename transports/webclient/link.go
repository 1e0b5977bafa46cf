package webclient

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/gannetmcp/gannet/codec"
	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/engine/mcp"
	"github.com/gannetmcp/gannet/ringbuf"
	"github.com/gannetmcp/gannet/transports"
)

// link is one session at one server, as two streams of lines.
type link struct {
	o       *Options
	http    *http.Client
	own     *http.Transport // nil if it is the embedder's
	url     *url.URL
	onlySSE bool // no Streamable HTTP is tried
	log     *slog.Logger
	max     int // bytes of a message
	parser  *codec.Parser
	buffers *ringbuf.Pool
	session *mcp.ClientSession
	in      *io.PipeReader
	lines   *io.PipeWriter
	ctx     context.Context // of all requests
	cancel  context.CancelFunc
	once    sync.Once
	ended   chan struct{} // closed when nothing runs any more

	partial []byte // of a line that Write has begun
	msg     codec.Message

	work sync.WaitGroup

	mu       sync.Mutex // protects what follows; nothing is called while it is held
	stopping bool       // nothing new is begun
	why      error      // the server's end of the session
	open     map[uint64]*exchange
	note     chan struct{} // closed when the last notification was sent; nil: none
	notes    int           // that wait, with the one that is being sent
	ready    chan struct{} // closed when the server knows that the session is initialized; nil: nothing to wait for
	version  string        // negotiated by initialize
	modern   string        // revision that the last request of the modern era named
	id       string        // of the session
	endpoint *url.URL      // where messages go in HTTP+SSE; nil in Streamable HTTP
	tools    map[string][]mcp.HeaderParam
}

var _ transports.Carrier = (*link)(nil)

// exchange is a request that waits for its answer.
type exchange struct {
	id     uint64
	method string
	modern bool
	more   bool // of a list: not its first page
	ctx    context.Context
	cancel context.CancelFunc
	done   chan struct{} // closed when the answer has come by the stream of HTTP+SSE
	late   *time.Timer   // cancels a POST without response; valid once done is closed
}

// end lets go of what the request holds, once its POST is over.
func (x *exchange) end() {
	x.cancel()
	select {
	case <-x.done:
		x.late.Stop()
	default:
	}
}

func newLink(o *Options, h *http.Client, u *url.URL, onlySSE bool) *link {
	l := &link{
		o: o, http: h, url: u, onlySSE: onlySSE, log: o.Dial.Logger, max: o.Dial.Engine.MaxMessageBytes,
		parser: codec.NewParser(o.Dial.Engine.Codec), buffers: ringbuf.NewPool(ringbuf.PoolOptions{}),
		ended: make(chan struct{}), open: map[uint64]*exchange{}, tools: map[string][]mcp.HeaderParam{},
	}
	if l.log == nil {
		l.log = slog.New(slog.DiscardHandler)
	}
	if l.max <= 0 {
		l.max = engine.DefaultMaxMessageBytes
	}
	l.in, l.lines = io.Pipe()
	l.ctx, l.cancel = context.WithCancel(context.Background())
	return l
}

// Attach keeps the session, to tell it of requests that fail.
func (l *link) Attach(s *mcp.ClientSession) { l.session = s }

// Peer describes the server.
func (l *link) Peer() engine.Peer { return engine.Peer{Transport: "http", Remote: l.url.Host} }

// Read returns what came, in lines.
func (l *link) Read(p []byte) (int, error) { return l.in.Read(p) }

// Write sends the lines that are complete, each on a goroutine of its own. How
// many there can be is bounded by mcp.ClientOptions.MaxPending, by
// engine.Options.MaxInFlight and by Options.MaxNotes.
func (l *link) Write(p []byte) (int, error) {
	n := len(p)
	for {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			l.partial = append(l.partial, p...)
			return n, nil
		}
		l.send(append(l.partial, p[:i]...))
		l.partial, p = nil, p[i+1:]
	}
}

// send sends one message, which it keeps.
func (l *link) send(b []byte) {
	m := &l.msg
	if err := l.parser.Parse(m, b); err != nil {
		l.log.Error("a message of ours is none", "error", err)
		return
	}
	switch m.Kind() {
	case codec.KindRequest:
		l.sendRequest(m, b)
	case codec.KindNotification:
		l.sendNotification(m, b)
	default:
		h := l.header(m, nil)
		l.run(func() { l.tell(h, b, "an answer") })
	}
}

// run runs f on a goroutine that the end of the link waits for.
func (l *link) run(f func()) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopping {
		return false
	}
	l.work.Go(f)
	return true
}

func (l *link) sendRequest(m *codec.Message, b []byte) {
	id, err := strconv.ParseUint(string(m.ID().Raw()), 10, 64)
	if err != nil {
		l.log.Error("a request of ours has an id that is no number", "id", string(m.ID().Raw()))
		return
	}
	x := &exchange{id: id, method: string(m.Method()), done: make(chan struct{})}
	x.ctx, x.cancel = context.WithCancel(l.ctx)
	_, x.more = m.Params().Get("cursor")
	h := l.header(m, x)
	var stale []*exchange
	l.mu.Lock()
	if x.method == methodInitialize { // nobody waits for the probe any more
		for id, other := range l.open {
			if other.method == methodDiscover {
				stale = append(stale, other)
				delete(l.open, id)
			}
		}
	}
	l.open[id] = x
	ready, events := l.ready, l.endpoint != nil
	l.mu.Unlock()
	for _, x := range stale {
		x.cancel()
	}
	if x.modern && events {
		l.fail(x, errNoModern)
		return
	}
	if !l.run(func() {
		defer x.end()
		if l.await(x.ctx, ready) {
			l.ask(x, h, b)
		}
	}) {
		l.fail(x, engine.ErrConnClosed)
	}
}

var errNoModern = errors.Join(errors.New("webclient: HTTP+SSE carries revisions up to 2025-11-25"), mcp.ErrNotServed)

// await waits for c, if it is not nil.
func (l *link) await(ctx context.Context, c <-chan struct{}) bool {
	if c == nil {
		return ctx.Err() == nil
	}
	select {
	case <-c:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// sendNotification sends notifications one after the other: the order may be
// what they mean. In the modern era a request is cancelled by the end of its
// response ("Streamable HTTP, Cancellation").
func (l *link) sendNotification(m *codec.Message, b []byte) {
	method := string(m.Method())
	h := l.header(m, nil)
	var cancelled *exchange
	l.mu.Lock()
	if method == notificationCancelled {
		v, _ := m.Params().Get("requestId")
		id, _ := strconv.ParseUint(string(v.Raw()), 10, 64)
		cancelled = l.open[id]
		delete(l.open, id)
	}
	if l.modern != "" && l.version == "" && method == notificationCancelled {
		l.mu.Unlock()
		if cancelled != nil {
			cancelled.cancel()
		}
		return
	}
	if l.notes >= l.o.MaxNotes {
		l.mu.Unlock()
		l.log.Warn("notification dropped: too many wait to be sent (webclient.Options.MaxNotes)", "method", method)
		if cancelled != nil {
			cancelled.cancel()
		}
		return
	}
	before, done := l.note, make(chan struct{})
	l.note = done
	l.notes++
	first := method == notificationInitialized
	if first {
		l.ready = done
	}
	l.mu.Unlock()
	if !l.run(func() {
		if l.await(l.ctx, before) {
			ok := l.tell(h, b, method)
			if ok && first && !l.o.NoServerStream && l.at() == l.url {
				l.listenFirst()
			}
		}
		if cancelled != nil {
			cancelled.cancel()
		}
		l.mu.Lock()
		l.notes--
		l.mu.Unlock()
		close(done)
	}) {
		close(done)
	}
}

// at returns where messages go.
func (l *link) at() *url.URL {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.endpoint != nil {
		return l.endpoint
	}
	return l.url
}

// take removes a request from those that wait; false if it does not.
func (l *link) take(x *exchange) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open[x.id] != x {
		return false
	}
	delete(l.open, x.id)
	return true
}

// fail ends a request without an answer. One that was cancelled has ended; where
// the whole link has, its end says why, and to all requests.
func (l *link) fail(x *exchange, err error) {
	if l.ctx.Err() == nil && l.take(x) {
		l.session.Fail(x.id, err)
	}
	x.cancel()
}

// deliver hands a message to the session. Line breaks are white space between
// the tokens of JSON, and lines must have none.
func (l *link) deliver(b []byte) {
	line := make([]byte, len(b)+1)
	copy(line, b)
	for i, c := range line[:len(b)] {
		if c == '\n' || c == '\r' {
			line[i] = ' '
		}
	}
	line[len(b)] = '\n'
	_, _ = l.lines.Write(line)
}

// over ends the link because the server has ended the session.
func (l *link) over(err error) {
	l.mu.Lock()
	if l.why == nil && !l.stopping {
		l.why = err
	}
	l.mu.Unlock()
	l.finish(false)
}

// Hangup ends the link; the server is told what it must know.
func (l *link) Hangup() { l.finish(true) }

func (l *link) finish(goodbye bool) {
	l.once.Do(func() {
		go func() {
			if goodbye {
				l.goodbye()
			}
			l.mu.Lock()
			l.stopping = true
			l.mu.Unlock()
			l.cancel()
			l.work.Wait()
			_ = l.lines.Close()
			close(l.ended)
		}()
	})
}

// goodbye sends what is left to be told, and ends the session at the server.
func (l *link) goodbye() {
	ctx, cancel := context.WithTimeout(l.ctx, l.o.CloseTimeout)
	defer cancel()
	l.mu.Lock()
	note, id, why := l.note, l.id, l.why
	l.mu.Unlock()
	if why != nil || !l.await(ctx, note) || id == "" {
		return
	}
	r, err := l.request(ctx, http.MethodDelete, l.url, l.general(), nil)
	if err == nil {
		var resp *http.Response
		if resp, err = l.http.Do(r); err == nil {
			_ = resp.Body.Close()
		}
	}
	if err != nil { // it expires there
		l.log.Info("the session could not be ended at the server", "error", err)
	}
}

// Close is called when nothing runs any more.
func (l *link) Close() error {
	if l.own != nil {
		l.own.CloseIdleConnections()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.why
}

// asked returns the request with an id, nil if none waits.
func (l *link) asked(raw []byte) *exchange {
	id, err := strconv.ParseUint(string(raw), 10, 64)
	if err != nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.open[id]
}
