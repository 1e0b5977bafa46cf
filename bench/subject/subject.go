// Package subject starts the server that a measurement is of: a gannet of its own
// process, on loopback or a Unix socket, on the CPUs that it is given.
package subject

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"github.com/gannetmcp/gannet/bench/load"
)

// Unix in Options.Listen stands for a socket in a folder of the server's own.
const Unix = "unix"

// Options say what to start. Program and Listen are needed.
type Options struct {
	Program string    // gannet
	Listen  []string  // URLs, port 0 for any; Unix
	Admin   bool      // its admin pages too
	CPUs    []int     // where it runs; nil leaves it to the system
	Env     []string  // beside this process's
	Args    []string  // further arguments
	Stderr  io.Writer // gets the errors of its log; nil is nobody
}

// A Server is a running one.
type Server struct {
	Process
	Addresses []string // as many as Options.Listen, in its order
	Admin     string   // URL of its admin pages, without a path; "" is none

	dir string
}

// Start starts a server and waits until it listens. The calling goroutine is locked
// to its thread for as long as the server is to live (load.StartPinned).
func Start(o Options) (*Server, error) {
	dir, err := os.MkdirTemp("", "gannet-perf-")
	if err != nil {
		return nil, err
	}
	s := &Server{dir: dir}
	file := filepath.Join(dir, "addresses")
	args := []string{"serve", "--demo", "--addr-file", file, "--admin"}
	if o.Admin {
		args = append(args, "127.0.0.1:0")
	} else {
		args = append(args, "none")
	}
	for _, l := range o.Listen {
		if l == Unix {
			l = "unix://" + filepath.Join(dir, "socket")
		}
		args = append(args, "--listen", l)
	}
	cmd := exec.Command(o.Program, append(args, o.Args...)...)
	cmd.Env = append(append(os.Environ(), "GANNET_LOG_LEVEL=info"), o.Env...)
	if len(o.CPUs) == 1 {
		cmd.Env = append(cmd.Env, "GOMAXPROCS=1")
	}
	lines := &lineWriter{out: o.Stderr, passes: func(line string) bool { return strings.Contains(line, "level=ERROR") }}
	cmd.Stderr = lines
	p, err := Launch(cmd, o.CPUs, func() bool {
		b, err := os.ReadFile(file)
		if err != nil {
			return false
		}
		s.Addresses, s.Admin = strings.Fields(string(b)), lines.admin()
		return len(s.Addresses) == len(o.Listen) && (s.Admin != "" || !o.Admin)
	}, lines.last)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	s.Process = *p
	return s, nil
}

// Metrics is the URL of the server's page of metrics, "" without Options.Admin and
// of a server whose page says nothing of its heap, as those built before it did.
func (s *Server) Metrics() string {
	if s.Admin == "" || !load.HasHeap(s.Admin+"/metrics") {
		return ""
	}
	return s.Admin + "/metrics"
}

// Stop ends the server, as Process.Stop does, and removes its folder.
func (s *Server) Stop() error { return errors.Join(s.Process.Stop(), os.RemoveAll(s.dir)) }

// WithoutAddress passes on to w what a server on standard streams says on standard
// error, but for where it listens, which whoever started it knows.
func WithoutAddress(w io.Writer) io.Writer {
	return &lineWriter{out: w, passes: func(line string) bool { return !strings.HasPrefix(line, "listening ") }}
}

// A lineWriter reads a server's log: it finds the URL of the admin pages and keeps
// the last line. Lines that pass go on to out.
type lineWriter struct {
	mu     sync.Mutex // protects all below
	part   []byte     // a line that has come in part; no more than lineMax of it
	url    string
	final  string
	out    io.Writer
	passes func(line string) bool
}

// lineMax bounds a line that is kept.
const lineMax = 1000

// Write takes p in, and keeps no reference to it.
func (w *lineWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := len(p)
	for {
		i := bytes.IndexByte(p, '\n')
		piece := p
		if i >= 0 {
			piece = p[:i]
		}
		w.part = append(w.part, piece[:min(len(piece), lineMax-len(w.part))]...)
		if i < 0 {
			return n, nil
		}
		w.line(string(w.part))
		w.part, p = w.part[:0], p[i+1:]
	}
}

func (w *lineWriter) line(s string) {
	if _, url, ok := strings.Cut(s, `msg="admin pages" url=`); ok {
		w.url = strings.TrimSuffix(url, "/metrics")
	}
	w.final = s
	if w.out != nil && w.passes(s) {
		_, _ = io.WriteString(w.out, s+"\n")
	}
}

func (w *lineWriter) admin() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.url
}

func (w *lineWriter) last() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.final
}
