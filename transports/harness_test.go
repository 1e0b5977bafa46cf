package transports

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gannetmcp/gannet/codec"
	"github.com/gannetmcp/gannet/engine"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// gnet keeps one pool of goroutines for the process.
		goleak.IgnoreTopFunction("github.com/panjf2000/ants/v2.(*poolCommon).purgeStaleWorkers"),
		goleak.IgnoreTopFunction("github.com/panjf2000/ants/v2.(*poolCommon).ticktock"),
		goleak.IgnoreTopFunction("github.com/panjf2000/ants/v2.(*goWorker).run.func1"),
	)
}

// service answers echo (its params), pool (the same from the worker pool),
// later (after params.ms), pooledLater (after params.ms on a worker), block
// (until its context ends), keep (stays open when idle), length (of the
// message), batches (are allowed from here on), blob (params.bytes long) and ping.
type service struct{}

func (service) OpenConn(c *engine.Conn) engine.Handler {
	return service{}
}

func echo(c *engine.Call) {
	p := c.Params().Raw()
	if len(p) == 0 {
		p = []byte("{}")
	}
	c.Result(p)
}

var echoRunner = engine.RunnerFunc(echo)

// sleeper echoes after params.ms, keeping its worker, unless its call ends.
var sleeper = engine.RunnerFunc(func(c *engine.Call) {
	select {
	case <-time.After(time.Duration(number(c, "ms")) * time.Millisecond):
	case <-c.Context().Done():
	}
	echo(c)
})

var filling = strings.Repeat("x", 64<<10)

func number(c *engine.Call, key string) int {
	v, _ := c.Params().Get(key)
	n, _ := v.Int64()
	return int(n)
}

func (service) ServeRequest(c *engine.Call) {
	switch string(c.Method()) {
	case "ping":
		c.EndUrgentResult(append(c.BeginResult(), "{}"...))
	case "echo":
		echo(c)
	case "pool":
		c.Submit(echoRunner)
	case "later":
		c.SubmitAfter(time.Duration(number(c, "ms"))*time.Millisecond, echoRunner)
	case "pooledLater":
		c.Submit(sleeper)
	case "block":
		c.Submit(engine.RunnerFunc(func(c *engine.Call) {
			<-c.Context().Done()
		}))
	case "blob":
		n := number(c, "bytes")
		dst := c.Grow(c.BeginResult(), n+16)
		dst = append(dst, `{"blob":"`...)
		for n > 0 {
			k := min(n, len(filling))
			dst = append(dst, filling[:k]...)
			n -= k
		}
		c.EndResult(append(dst, `"}`...))
	case "length":
		c.Result(strconv.AppendInt(nil, int64(len(c.Message().Raw())), 10))
	case "batches":
		c.Conn().AllowBatch(true)
		echo(c)
	case "keep":
		c.Conn().KeepIdle(true)
		echo(c)
	default:
		c.Error(codec.CodeMethodNotFound, "method not found", nil)
	}
}

func (service) ServeNotification(c *engine.Conn, m *codec.Message) {
	if string(m.Method()) == "notifications/cancelled" {
		id, _ := m.Params().Get("requestId")
		c.Cancel(id.Raw(), "")
	}
}

func (service) ServeResponse(*engine.Conn, *codec.Message) {}
func (service) CloseConn(*engine.Conn, engine.CloseReason) {}

// start serves on url and checks at the end of the test that nothing is left.
func start(t testing.TB, o Options, urls ...string) *Server {
	t.Helper()
	return startWith(t, service{}, o, urls...)
}

// startWith is start with another service.
func startWith(t testing.TB, svc engine.Service, o Options, urls ...string) *Server {
	t.Helper()
	fds, goroutines := openFiles(t), runtime.NumGoroutine()
	for _, u := range urls {
		o.Listeners = append(o.Listeners, Listener{URL: u})
	}
	if o.TLS.Cert == "" {
		o.TLS.SelfSigned = true
	}
	if o.Loops == 0 {
		o.Loops = 2
	}
	s, err := Listen(svc, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := s.Wait(); !errors.Is(err, ErrServerClosed) && err != nil {
			t.Errorf("Wait: %v", err)
		}
		settled(t, s)
		eventually(t, "descriptors closed", func() bool { return openFiles(t) <= fds })
		eventually(t, "goroutines ended", func() bool { return runtime.NumGoroutine() <= goroutines+4 })
	})
	return s
}

// settled checks that s holds nothing.
func settled(t testing.TB, s *Server) {
	t.Helper()
	n := s.Snapshot()
	if n.Engine.Connections != 0 || n.Engine.InFlight != 0 || n.Engine.BufferedBytes != 0 || n.Lingering != 0 || s.counters.open.Load() != 0 {
		t.Errorf("left over: %d connections (%d sockets), %d calls, %d bytes of the budget, %d lingering",
			n.Engine.Connections, s.counters.open.Load(), n.Engine.InFlight, n.Engine.BufferedBytes, n.Lingering)
	}
	if st := s.engine.Buffers().Stats(); st.Outstanding != st.Cached {
		t.Errorf("%d buffers not returned, %d of them in the loops' caches", st.Outstanding, st.Cached)
	}
}

func openFiles(t testing.TB) int {
	t.Helper()
	names, err := os.ReadDir("/dev/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(names)
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Errorf("still waiting after 30 s: %s", what)
}

// peer is a client with no knowledge of ours.
type peer struct {
	t testing.TB
	net.Conn
	r *bufio.Reader
}

func dial(t testing.TB, s *Server) *peer {
	t.Helper()
	return dialURL(t, s.Addrs()[0])
}

// dialConn connects to what a listener's URL says, with TLS if it says so.
func dialConn(u string) (net.Conn, error) {
	network, addr, _ := strings.Cut(u, "://")
	switch network {
	case "tls", "https":
		return tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true})
	case "http":
		network = "tcp"
	}
	return net.Dial(network, addr)
}

// socketOf returns the TCP connection under c.
func socketOf(c net.Conn) *net.TCPConn {
	if s, ok := c.(*tls.Conn); ok {
		c = s.NetConn()
	}
	return c.(*net.TCPConn)
}

func dialURL(t testing.TB, u string) *peer {
	t.Helper()
	c, err := dialConn(u)
	if err != nil {
		t.Fatal(err)
	}
	p := &peer{t: t, Conn: c, r: bufio.NewReaderSize(c, 64<<10)}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	return p
}

func (p *peer) send(s string) {
	p.t.Helper()
	if _, err := p.Write([]byte(s)); err != nil {
		p.t.Fatalf("write: %v", err)
	}
}

func (p *peer) line() string {
	p.t.Helper()
	s, err := p.r.ReadString('\n')
	if err != nil {
		p.t.Fatalf("read: %v after %.100q", err, s)
	}
	return strings.TrimSuffix(s, "\n")
}

// want reads a line and compares it.
func (p *peer) want(s string) {
	p.t.Helper()
	if got := p.line(); got != s {
		p.t.Fatalf("got %.300s, want %.300s", got, s)
	}
}

// wantError reads a line that must be an error.
func (p *peer) wantError(id any, code int) {
	p.t.Helper()
	var m struct {
		ID    any
		Error *struct{ Code int }
	}
	got := p.line()
	if err := json.Unmarshal([]byte(got), &m); err != nil || m.Error == nil {
		p.t.Fatalf("got %.300s, want an error", got)
	}
	if fmt.Sprint(m.ID) != fmt.Sprint(id) || m.Error.Code != code {
		p.t.Fatalf("got %.300s, want id %v, code %d", got, id, code)
	}
}

// ended expects the end of the stream.
func (p *peer) ended() {
	p.t.Helper()
	if s, err := p.r.ReadString('\n'); err == nil {
		p.t.Fatalf("got %.100q, want the end", s)
	} else if os.IsTimeout(err) {
		p.t.Fatal("still open")
	}
}

// othersServed checks that a fresh client gets its ping answered soon.
func othersServed(t testing.TB, s *Server) {
	t.Helper()
	begin := time.Now()
	p := dial(t, s)
	p.send(req(1, "ping", ""))
	p.want(`{"jsonrpc":"2.0","id":1,"result":{}}`)
	_ = p.Close()
	if d := time.Since(begin); d > bystanderLimit() {
		t.Errorf("a fresh client waited %v for its ping", d)
	}
}

func req(id any, method, params string) string {
	if params != "" {
		params = `,"params":` + params
	}
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":%v,"method":"%s"%s}`+"\n", id, method, params)
}

func res(id any, r string) string { return fmt.Sprintf(`{"jsonrpc":"2.0","id":%v,"result":%s}`, id, r) }

func socketPath(t testing.TB) string {
	dir, err := os.MkdirTemp("", "g")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return filepath.Join(dir, "s")
}

func grace(d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	_ = cancel // ends by itself
	return ctx
}
