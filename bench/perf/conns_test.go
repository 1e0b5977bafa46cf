package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/bench/result"
)

// sessions serves Streamable HTTP on /mcp, an event stream by GET for each session
// included, and HTTP with SSE on /sse.
func sessions() http.Handler {
	stream := func(w http.ResponseWriter, first string) *http.ResponseController {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, first)
		c := http.NewResponseController(w)
		_ = c.Flush()
		return c
	}
	var mu sync.Mutex
	replies := map[string]chan []byte{}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /mcp", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		b := answer(body)
		if b == nil {
			w.WriteHeader(http.StatusAccepted)
			return
		}
		_, _ = w.Write(b)
	})
	mux.HandleFunc("GET /mcp", func(w http.ResponseWriter, r *http.Request) {
		stream(w, "id: 1\ndata: \n\n")
		<-r.Context().Done()
	})
	mux.HandleFunc("GET /sse", func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		id, mine := fmt.Sprint(len(replies)), make(chan []byte, 16)
		replies[id] = mine
		mu.Unlock()
		c := stream(w, "event: endpoint\ndata: /post?s="+id+"\n\n")
		for {
			select {
			case b := <-mine:
				fmt.Fprintf(w, "data: %s\n\n", b)
				_ = c.Flush()
			case <-r.Context().Done():
				return
			}
		}
	})
	mux.HandleFunc("POST /post", func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		to := replies[r.URL.Query().Get("s")]
		mu.Unlock()
		body, _ := io.ReadAll(r.Body)
		w.WriteHeader(http.StatusAccepted)
		if b := answer(body); b != nil {
			to <- b
		}
	})
	return mux
}

// Connections of every kind stand, pinged and idle, and are counted by their sockets.
func TestConnsTransports(t *testing.T) {
	linux(t)
	plain, secure := httptest.NewUnstartedServer(sessions()), httptest.NewUnstartedServer(sessions())
	plain.Config.Protocols = new(http.Protocols)
	plain.Config.Protocols.SetHTTP1(true)
	plain.Config.Protocols.SetUnencryptedHTTP2(true)
	secure.EnableHTTP2 = true
	plain.Start()
	secure.StartTLS()
	t.Cleanup(func() { plain.CloseClientConnections(); secure.CloseClientConnections() })
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { defer func() { _ = c.Close() }(); serve(c) }()
		}
	}()
	for _, c := range []struct {
		target  string
		sockets int
		kernel  int64
		flags   string
	}{
		{plain.URL + "/mcp", 20, 20, ""},
		{plain.URL + "/mcp", 20, 20, "--revision 2026-07-28"},
		{"stream+" + plain.URL + "/mcp", 40, 40, ""},
		{"sse+" + plain.URL + "/sse", 40, 40, "--revision 2024-11-05"},
		{"stream+" + secure.URL + "/mcp", 40, 40, "--insecure"},
		{"h2c" + strings.TrimPrefix(plain.URL, "http") + "/mcp", 20, 20, ""},
		{"h2" + strings.TrimPrefix(secure.URL, "https") + "/mcp", 20, 20, "--insecure"},
		{"unix://" + path, 20, -1, ""},
	} {
		for _, pings := range []string{"0", "2"} {
			saved := filepath.Join(t.TempDir(), "r.json")
			args := append([]string{"conns", c.target, "-n", "20", "--hold", "200ms", "--pings", pings, "--processes", "2", "--server-pid", fmt.Sprint(os.Getpid()), "--save", saved}, strings.Fields(c.flags)...)
			code, out, errs := perf(args...)
			if code != exitOK {
				t.Errorf("%s, %s pings: exit code %d: %s%s", c.target, pings, code, out, errs)
				continue
			}
			r, err := result.Read(saved)
			if err != nil {
				t.Fatal(err)
			}
			k := r.Conns
			if k.Opened != 20 || k.Sockets != c.sockets || k.Kernel != c.kernel || len(k.Servers) != 1 || k.Servers[0].Open == 0 || k.Servers[0].Conns != 20 {
				t.Errorf("%s, %s pings: %+v", c.target, pings, k)
			}
			if idle := pings == "0"; idle != (k.Pings == 0) || idle != (k.Latency == nil) || idle != strings.Contains(out, "s, idle; errors none") {
				t.Errorf("%s, %s pings: %d, %s", c.target, pings, k.Pings, out)
			}
		}
	}
}

// An idle connection that the server ends is an error.
func TestConnsEnded(t *testing.T) {
	linux(t)
	srv := httptest.NewServer(sessions())
	t.Cleanup(srv.Close)
	closing := httptest.NewUnstartedServer(sessions())
	closing.Config.IdleTimeout = 50 * time.Millisecond
	closing.Start()
	t.Cleanup(closing.Close)
	code, _, errs := perf("conns", closing.URL+"/mcp", "-n", "5", "--hold", "600ms", "--pings", "0")
	if code != exitFailed || !strings.Contains(errs, "0 of 5 connections stood") || !strings.Contains(errs, "closed 5") {
		t.Errorf("exit code %d: %s", code, errs)
	}
	if code, _, errs := perf("conns", "stream+"+srv.URL+"/nowhere", "-n", "5", "--hold", "100ms"); code != exitConnect || !strings.Contains(errs, "404") {
		t.Errorf("nothing there: exit code %d: %s", code, errs)
	}
}
