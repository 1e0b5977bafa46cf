package suite

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gannetmcp/gannet/bench/result"
	"github.com/gannetmcp/gannet/bench/subject"
)

// Sizes of the churn.
const (
	churners     = 16                     // connections at a time
	sessionIdle  = "1s"                   // after which sessions are given up
	churnWarm    = 20_000                 // connections of the warm-up: tables and pools have their sizes then
	churnTimeout = 10 * time.Second       // of one connection
	slowCall     = 300                    // ms of a call that is cancelled, or left
	churnSlack   = 256 << 10              // bytes that the server's heap may grow by in all,
	churnEach    = 1.0                    // and for each connection: nothing that a connection leaves is smaller
	workersSlack = 2                      // goroutines: workers of the pool that have not left yet
	churnRSS     = 1.5                    // what RSS may grow to, of what it was
	restTime     = 500 * time.Millisecond // for what ends on timers of the server
)

// initialize opens a session.
const initialize = `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"perf","version":"1"}}}`

// A churnKind is one way in which a connection comes and goes.
type churnKind struct {
	name string
	http bool
	run  func(*churnConn) error
}

var churnKinds = []churnKind{
	{"called", false, func(c *churnConn) error {
		if err := c.opened(); err != nil {
			return err
		}
		return c.ask(callText(1, 0), `"id":1,"result"`)
	}},
	{"aborted", false, func(c *churnConn) error {
		if err := c.opened(); err != nil {
			return err
		}
		return errors.Join(c.say(callText(1, 0)), c.abort())
	}},
	{"half", false, func(c *churnConn) error { return c.write(initialize[:len(initialize)/2]) }},
	{"half_aborted", false, func(c *churnConn) error {
		return errors.Join(c.write(initialize[:len(initialize)/2]), c.abort())
	}},
	{"cancelled", false, func(c *churnConn) error {
		if err := c.opened(); err != nil {
			return err
		}
		if err := c.say(callText(1, slowCall)); err != nil {
			return err
		}
		// The ping's answer says that both have been taken in.
		return c.ask(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1,"reason":"enough"}}`+"\n"+`{"jsonrpc":"2.0","id":2,"method":"ping"}`, `"id":2,"result"`)
	}},
	{"left", false, func(c *churnConn) error {
		if err := c.opened(); err != nil {
			return err
		}
		return c.ask(callText(1, slowCall)+"\n"+`{"jsonrpc":"2.0","id":2,"method":"ping"}`, `"id":2,"result"`)
	}},
	{"expired", true, func(c *churnConn) error {
		session, err := c.session()
		if err != nil {
			return err
		}
		return c.post(session, callText(1, 0), `"id":1,"result"`)
	}},
	{"deleted", true, func(c *churnConn) error {
		session, err := c.session()
		if err != nil {
			return err
		}
		_, _, err = c.exchange("DELETE /mcp HTTP/1.1\r\nHost: " + c.host + "\r\nMcp-Session-Id: " + session + "\r\n\r\n")
		return err
	}},
}

// callText is a call of echo that takes ms, at once if 0.
func callText(id, ms int) string {
	extra := ""
	if ms > 0 {
		extra = fmt.Sprintf(`,"ms":%d`, ms)
	}
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"echo","arguments":{"text":"hello"%s}}}`, id, extra)
}

// A churnConn is one connection of the churn.
type churnConn struct {
	*net.TCPConn
	in   *bufio.Reader
	host string
}

func (c *churnConn) write(s string) error {
	_, err := io.WriteString(c.TCPConn, s)
	return err
}

// say sends lines.
func (c *churnConn) say(lines string) error { return c.write(lines + "\n") }

// ask sends lines and reads one that has want in it.
func (c *churnConn) ask(lines, want string) error {
	if err := c.say(lines); err != nil {
		return err
	}
	line, err := c.in.ReadString('\n')
	if err == nil && !strings.Contains(line, want) {
		err = fmt.Errorf("the answer has no %s: %.200q", want, line)
	}
	return err
}

// opened opens the session of MCP.
func (c *churnConn) opened() error {
	if err := c.ask(initialize, `"id":0,"result"`); err != nil {
		return err
	}
	return c.say(`{"jsonrpc":"2.0","method":"notifications/initialized"}`)
}

// abort has the kernel reset the connection when it is closed.
func (c *churnConn) abort() error { return c.SetLinger(0) }

// exchange sends a request of HTTP and reads the head of the response and its
// body, whose length it says.
func (c *churnConn) exchange(request string) (head, body string, err error) {
	if err := c.write(request); err != nil {
		return "", "", err
	}
	length := 0
	for {
		line, err := c.in.ReadString('\n')
		if err != nil {
			return "", "", err
		}
		head += line
		if line == "\r\n" {
			break
		}
		if _, err := fmt.Sscanf(strings.ToLower(line), "content-length: %d", &length); err == nil && (length < 0 || length > 1<<20) {
			return "", "", fmt.Errorf("a body of %d bytes", length)
		}
	}
	b := make([]byte, length)
	if _, err := io.ReadFull(c.in, b); err != nil {
		return "", "", err
	}
	if !strings.HasPrefix(head, "HTTP/1.1 2") {
		return "", "", fmt.Errorf("%.60q %.100q", head, b)
	}
	return head, string(b), nil
}

// request is a POST of one message.
func (c *churnConn) request(session, message string) string {
	extra := ""
	if session != "" {
		extra = "MCP-Protocol-Version: 2025-11-25\r\nMcp-Session-Id: " + session + "\r\n"
	}
	return fmt.Sprintf("POST /mcp HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\n%sContent-Length: %d\r\n\r\n%s", c.host, extra, len(message), message)
}

// session opens a session of HTTP.
func (c *churnConn) session() (string, error) {
	head, _, err := c.exchange(c.request("", initialize))
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(head) {
		if name, id, ok := strings.Cut(line, ":"); ok && strings.EqualFold(name, "Mcp-Session-Id") {
			return strings.TrimSpace(id), nil
		}
	}
	return "", fmt.Errorf("no session in %.200q", head)
}

// post sends a message in a session, whose answer has want in it.
func (c *churnConn) post(session, message, want string) error {
	_, body, err := c.exchange(c.request(session, message))
	if err == nil && !strings.Contains(body, want) {
		err = fmt.Errorf("the answer has no %s: %.200q", want, body)
	}
	return err
}

// churnOne has connection number i come and go. Connections come from many
// addresses of loopback, since those that were closed keep their ports for a while.
func churnOne(ctx context.Context, addresses [2]string, i int) error {
	kind := &churnKinds[i%len(churnKinds)]
	address := addresses[0]
	if kind.http {
		address = addresses[1]
	}
	from := &net.TCPAddr{IP: net.IPv4(127, 0, byte(1+i/len(churnKinds)%8), byte(1+i%250))}
	d := net.Dialer{Timeout: churnTimeout, LocalAddr: from}
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	c := &churnConn{TCPConn: conn.(*net.TCPConn), in: bufio.NewReaderSize(conn, 1024), host: address}
	err = c.SetDeadline(time.Now().Add(churnTimeout))
	if err == nil {
		err = kind.run(c)
	}
	if err = errors.Join(err, c.Close()); err != nil {
		return fmt.Errorf("%s: %w", kind.name, err)
	}
	return nil
}

// churnMany has n connections come and go, and returns how many failed, with one of
// the reasons.
func churnMany(ctx context.Context, addresses [2]string, n int) (failed int64, reason error) {
	var (
		next, bad atomic.Int64
		first     atomic.Pointer[error]
		wait      sync.WaitGroup
	)
	for range churners {
		wait.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				if err := churnOne(ctx, addresses, i); err != nil {
					bad.Add(1)
					first.CompareAndSwap(nil, &err)
				}
			}
		})
	}
	wait.Wait()
	if p := first.Load(); p != nil {
		reason = *p
	}
	return bad.Load(), reason
}

func churn(e *Env, s Settings) (*result.Result, error) {
	srv, err := e.start(subject.Options{Listen: []string{"tcp://127.0.0.1:0", "http://127.0.0.1:0"}, Admin: true, Args: []string{"--http-session-idle", sessionIdle}})
	if err != nil {
		return nil, err
	}
	r := &result.Result{}
	err = e.churnOn(r, s, srv)
	return r, errors.Join(err, srv.Stop())
}

func (e *Env) churnOn(r *result.Result, s Settings, srv *subject.Server) error {
	addresses := [2]string{strings.TrimPrefix(srv.Addresses[0], "tcp://"), strings.TrimPrefix(strings.TrimSuffix(srv.Addresses[1], "/mcp"), "http://")}
	nothing := map[string]int64{}
	for _, g := range gauges {
		nothing[g] = 0
	}
	rest := func() (vital, error) {
		if err := settled(e.Context, srv, nothing, settleTime); err != nil {
			return vital{}, err
		}
		time.Sleep(restTime)
		return vitals(e.Context, srv)
	}
	if _, err := churnMany(e.Context, addresses, min(s.Count, churnWarm)); err != nil {
		return err
	}
	before, err := rest()
	if err != nil {
		return err
	}
	begin := now()
	failed, reason := churnMany(e.Context, addresses, s.Count)
	took := now() - begin
	if err := e.Context.Err(); err != nil {
		return err
	}
	after, err := rest()
	if err != nil {
		return err
	}
	r.Add("connections", "1", float64(s.Count))
	r.Add("rate", "1/s", float64(s.Count)/float64(took)*1e9)
	detail := fmt.Sprintf("%d of %d failed", failed, s.Count)
	if reason != nil {
		detail += fmt.Sprintf(", such as: %v", reason)
	}
	r.Demand("every connection did what it was to do", failed == 0, "%s", detail)
	demandBack(r, &before, &after, s.Count)
	return nil
}

// demandBack adds what a server holds before and after n connections that came and
// went, and demands that it is the same.
func demandBack(r *result.Result, before, after *vital, n int) {
	grown := after.heap - before.heap
	r.Add("heap_before_bytes", "B", float64(before.heap))
	r.Add("heap_after_bytes", "B", float64(after.heap))
	r.Add("heap_grown_bytes", "B", float64(grown))
	r.Add("rss_before_bytes", "B", float64(before.rss))
	r.Add("rss_after_bytes", "B", float64(after.rss))
	r.Add("fds_grown", "1", float64(after.fds-before.fds))
	r.Add("goroutines_grown", "1", float64(after.goroutines-before.goroutines))
	for _, g := range gauges {
		name := strings.TrimPrefix(g, "gannet_")
		r.Add(name+"_left", "1", float64(after.gauges[g]))
		r.Demand(name+" back to nothing", after.gauges[g] == 0, "%d", after.gauges[g])
	}
	r.Demand("descriptors back", after.fds <= before.fds, "%d, before %d", after.fds, before.fds)
	r.Demand("goroutines back", after.goroutines <= before.goroutines+workersSlack, "%d, before %d", after.goroutines, before.goroutines)
	r.Demand("heap back", float64(grown) <= churnSlack+churnEach*float64(n), "grown by %d bytes, %.2f a connection", grown, float64(grown)/float64(n))
	r.Demand("RSS back", float64(after.rss) <= churnRSS*float64(before.rss), "%d bytes, before %d", after.rss, before.rss)
}
