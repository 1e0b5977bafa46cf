package http2

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/ringbuf"
)

// server serves a Conn on each connection of a listener: /big?n answers with n
// bytes, anything else with the body or "hello\n".
type server struct {
	t      testing.TB
	ln     net.Listener
	pool   *ringbuf.Pool
	limits Limits
	wg     sync.WaitGroup
}

func newServer(t testing.TB, l Limits) *server {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, ln: ln, pool: ringbuf.NewPool(ringbuf.PoolOptions{}), limits: l}
	s.wg.Add(1)
	go func() {
		defer s.wg.Done()
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			s.wg.Add(1)
			go s.serve(nc)
		}
	}()
	t.Cleanup(s.close)
	return s
}

// close ends the server when its connections have ended, and looks what is left.
func (s *server) close() {
	_ = s.ln.Close()
	s.wg.Wait()
	if n := s.pool.Stats().Outstanding; n != 0 {
		s.t.Errorf("%d buffers left", n)
	}
}

// serve reads and writes in turns, so that one goroutine does for all. A peer
// that does not read holds up its own connection only.
func (s *server) serve(nc net.Conn) {
	defer s.wg.Done()
	defer func() { _ = nc.Close() }()
	loop := NewLoop(s.pool, s.limits)
	defer loop.Close()
	c := loop.Open(nil)
	defer c.Close()
	waiting := map[*Stream][]byte{} // what is left to be sent
	send := func(st *Stream, p []byte) {
		if p = p[c.SendData(st, p, true):]; len(p) > 0 {
			waiting[st] = p
			return
		}
		delete(waiting, st)
		c.Release(st)
	}
	in := make([]byte, 32<<10)
	n := 0
	for {
		for rest := in[:n]; ; {
			took, ev := c.Next(rest, time.Now().UnixNano())
			rest = rest[took:]
			if ev == More {
				break
			}
			st := c.Stream()
			switch {
			case ev == Done:
				body := reply(st)
				c.SendHead(st, &Response{Status: 200, ContentType: "text/plain", Length: int64(len(body))}, false)
				send(st, body)
			case ev == Reset && waiting[st] != nil:
				delete(waiting, st)
				c.Release(st)
			}
		}
		for st := c.Writable(); st != nil || c.Buffered() > 0; st = c.Writable() {
			if st != nil {
				send(st, waiting[st])
				continue
			}
			if _, err := nc.Write(c.AppendOutput(nil)); err != nil {
				return
			}
		}
		if c.Over() {
			// Let the peer read why.
			_ = nc.(*net.TCPConn).CloseWrite()
			_ = nc.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
			_, _ = io.Copy(io.Discard, nc)
			return
		}
		var err error
		if n, err = nc.Read(in); err != nil {
			return
		}
	}
}

func reply(s *Stream) []byte {
	q := s.Request()
	switch {
	case string(q.Path()) == "/big":
		n, _ := strconv.Atoi(string(q.Query()))
		return bytes.Repeat([]byte("0123456789abcdef"), n/16+1)[:n]
	case len(s.Body()) > 0:
		return bytes.Clone(s.Body())
	}
	return []byte("hello\n")
}

// client returns net/http's client for HTTP/2 without TLS.
func client(t *testing.T) *http.Client {
	tr := &http.Transport{Protocols: new(http.Protocols)}
	tr.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 20 * time.Second}
}

// Go's client gets what it asks for, many requests at a time, bodies above the
// windows both ways among them.
func TestNetHTTPClient(t *testing.T) {
	s := newServer(t, Limits{})
	url := "http://" + s.ln.Addr().String()
	c := client(t)
	var wg sync.WaitGroup
	for i := range 100 {
		size := []int{0, 1, 300, 16384, 65535, 65536, 300_000, 1_000_000}[i%8]
		if size > 100_000 && i > 40 {
			size = 1000
		}
		wg.Add(1)
		go func() {
			defer wg.Done()
			body := strings.Repeat(strconv.Itoa(i), size)[:size]
			var r io.Reader = strings.NewReader(body)
			if i%2 == 1 {
				r = io.MultiReader(r) // of no known length
			}
			res, err := c.Post(url+"/echo", "text/plain", r)
			if err != nil {
				t.Error(err)
				return
			}
			got, err := io.ReadAll(res.Body)
			if size == 0 {
				body = "hello\n"
			}
			if err != nil || string(got) != body || res.ProtoMajor != 2 || res.ContentLength != int64(len(body)) {
				t.Errorf("%d bytes of %d, %v, %s", len(got), len(body), err, res.Proto)
			}
			_ = res.Body.Close()
		}()
	}
	for range 4 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			res, err := c.Get(url + "/big?2000000")
			if err != nil {
				t.Error(err)
				return
			}
			n, err := io.Copy(io.Discard, res.Body)
			if n != 2_000_000 || err != nil {
				t.Errorf("%d bytes, %v", n, err)
			}
			_ = res.Body.Close()
		}()
	}
	wg.Wait()
	c.CloseIdleConnections()
}

// What is refused reaches Go's client as the status that it is, and the
// connection goes on.
func TestNetHTTPClientRefused(t *testing.T) {
	s := newServer(t, Limits{Body: 100_000, HeaderList: 2000, Fields: 20})
	url := "http://" + s.ln.Addr().String()
	c := client(t)
	conns := map[string]bool{}
	for _, tc := range []struct {
		name   string
		length int
		known  bool
		header http.Header
		status int
	}{
		{"fits", 100_000, true, nil, 200},
		{"too long", 100_001, true, nil, 413},
		{"too long, and nobody said so", 400_000, false, nil, 413},
		{"too many fields", 0, true, func() http.Header {
			h := http.Header{}
			for i := range 30 {
				h.Set("x-"+strconv.Itoa(i), "y")
			}
			return h
		}(), 431},
		{"fits again", 5, true, nil, 200},
		{"expectation", 5, true, http.Header{"Expect": {"100-continue"}}, 200},
	} {
		t.Run(tc.name, func(t *testing.T) {
			trace := &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { conns[i.Conn.LocalAddr().String()] = true }}
			var r io.Reader = strings.NewReader(x(tc.length))
			if !tc.known {
				r = io.MultiReader(r)
			}
			q, err := http.NewRequestWithContext(httptrace.WithClientTrace(context.Background(), trace), "POST", url, r)
			if err != nil {
				t.Fatal(err)
			}
			for k, v := range tc.header {
				q.Header[k] = v
			}
			res, err := c.Do(q)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = res.Body.Close() }()
			if b, _ := io.ReadAll(res.Body); res.StatusCode != tc.status {
				t.Errorf("%s %q, want %d", res.Status, b, tc.status)
			}
		})
	}
	if len(conns) != 1 {
		t.Errorf("%d connections for all", len(conns))
	}
	c.CloseIdleConnections()
}

// A request that its client gives up leaves the others alone.
func TestNetHTTPClientCancels(t *testing.T) {
	s := newServer(t, Limits{})
	url := "http://" + s.ln.Addr().String()
	c := client(t)
	for range 5 {
		ctx, cancel := context.WithCancel(context.Background())
		q, err := http.NewRequestWithContext(ctx, "GET", url+"/big?10000000", nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := c.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		if _, err := io.ReadAll(res.Body); !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
		_ = res.Body.Close()
		res, err = c.Get(url + "/")
		if err != nil {
			t.Fatal(err)
		}
		if b, _ := io.ReadAll(res.Body); string(b) != "hello\n" {
			t.Errorf("%q", b)
		}
		_ = res.Body.Close()
	}
	c.CloseIdleConnections()
}
