package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	_ "net/http/pprof"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// standIn is the server that the arguments would start: gannet (serve), floor
// (-mode) or peer (-peer), with nothing but what the load asks for.
func standIn(args []string) error {
	value := func(flag string) string {
		if i := slices.Index(args, flag); i >= 0 && i+1 < len(args) {
			return args[i+1]
		}
		return ""
	}
	on := value("--listen")
	switch {
	case args[0] == "-mode":
		on = map[bool]string{true: "http://", false: "tcp://"}[args[1] == "http"]
	case args[0] == "-peer" && value("-http") != "":
		on = "http://"
	case args[0] == "-peer" && value("-tcp") != "":
		on = "tcp://"
	case args[0] == "-peer":
		on = "stdio"
	}
	for _, flag := range []string{"--admin", "-metrics"} {
		if value(flag) == "" {
			continue
		}
		pages, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		go func() { _ = http.Serve(pages, nil) }() // net/http/pprof is on the default mux
		fmt.Fprintf(os.Stderr, "level=INFO msg=\"admin pages\" url=http://%s/metrics\n", pages.Addr())
	}
	if on == "stdio" {
		lines(os.Stdin, os.Stdout, args[0] == "-mode")
		return nil
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	scheme, _, _ := strings.Cut(on, "://")
	address := scheme + "://" + l.Addr().String()
	if file := value("--addr-file"); file != "" {
		if err := os.WriteFile(file+".part", []byte(address+"\n"), 0o600); err != nil {
			return err
		}
		if err := os.Rename(file+".part", file); err != nil {
			return err
		}
	} else {
		fmt.Println(address)
	}
	echo := args[0] == "-mode" || slices.Contains([]string{"net-http", "fasthttp"}, value("-peer"))
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	if scheme == "http" {
		go func() {
			_ = http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				if err != nil {
					return
				}
				if !echo {
					body = answer(body)
				}
				w.Header().Set("Content-Type", "application/json")
				_, _ = w.Write(body)
			}))
		}()
	} else {
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				go func() { defer func() { _ = c.Close() }(); lines(c, c, echo) }()
			}
		}()
	}
	<-stop
	return nil
}

// The page of metrics that servers of Go have.
func init() {
	http.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		fmt.Fprintf(w, "go_memstats_mallocs_total %d\ngo_memstats_alloc_bytes_total %d\ngo_gc_duration_seconds_sum %g\ngo_gc_duration_seconds_count %d\n",
			m.Mallocs, m.TotalAlloc, float64(m.PauseTotalNs)/1e9, m.NumGC)
	})
}

// lines answers messages, or says them again, to the end of r.
func lines(r io.Reader, w io.Writer, echo bool) {
	in := bufio.NewReader(r)
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return
		}
		if !echo {
			if line = answer(line); line == nil {
				continue
			}
			line = append(line, '\n')
		}
		if _, err := w.Write(line); err != nil {
			return
		}
	}
}

// answer is that to a message; nil to a notification.
func answer(msg []byte) []byte {
	if each, err := time.ParseDuration(os.Getenv("GANNET_PERF_TEST_BUSY")); err == nil {
		for end := time.Now().Add(each); time.Now().Before(end); { // uses a CPU
		}
	}
	var m struct {
		ID     json.RawMessage
		Method string
		Params struct{ Arguments struct{ Text string } }
	}
	if json.Unmarshal(msg, &m) != nil || m.ID == nil {
		return nil
	}
	text := `{}`
	switch m.Method {
	case "initialize":
		text = `{"protocolVersion":"2025-11-25"}`
	case "tools/call":
		text = fmt.Sprintf(`{"content":[{"type":"text","text":%q}]}`, m.Params.Arguments.Text)
	}
	return fmt.Appendf(nil, `{"jsonrpc":"2.0","id":%s,"result":%s}`, bytes.TrimSpace(m.ID), text)
}
