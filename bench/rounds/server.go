package rounds

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"

	"github.com/gannetmcp/gannet/bench/load"
	"github.com/gannetmcp/gannet/bench/subject"
)

// A Watcher reads the standard error of a server and of the generator. It counts
// the server's garbage collections between the generator's words for the
// beginning and the end of the measured time, and keeps the last lines for
// messages. Safe for concurrent use: each stream has a lane of its own.
type Watcher struct {
	mu        sync.Mutex
	cycles    int
	atStart   int
	atEnd     int
	lastLines []string
	metrics   string // the URL of a page of metrics that was said; "" if none was
}

// keepLines bounds what a watcher keeps, keepBytes each line of it.
const (
	keepLines = 8
	keepBytes = 300
)

// Lane returns a writer for one stream. It is for one goroutine at a time.
func (w *Watcher) Lane() io.Writer { return &watcherLane{w: w} }

type watcherLane struct {
	w    *Watcher
	part []byte // a line that has come in part; no more than keepBytes of it
}

// Write takes p in and keeps no reference to it.
func (l *watcherLane) Write(p []byte) (int, error) {
	n := len(p)
	for {
		i := bytes.IndexByte(p, '\n')
		piece := p
		if i >= 0 {
			piece = p[:i]
		}
		l.part = append(l.part, piece[:min(len(piece), keepBytes-len(l.part))]...)
		if i < 0 {
			return n, nil
		}
		l.w.line(string(l.part))
		l.part, p = l.part[:0], p[i+1:]
	}
}

func (w *Watcher) line(s string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case strings.HasPrefix(s, "gc ") && strings.Contains(s, " @"):
		w.cycles++
		return
	case generatorSays(s, "measuring"):
		w.atStart = w.cycles
	case generatorSays(s, "draining"):
		w.atEnd = w.cycles
	case w.metrics == "":
		w.metrics = load.PageIn(s)
	}
	if len(w.lastLines) == keepLines {
		w.lastLines = append(w.lastLines[:0], w.lastLines[1:]...)
	}
	w.lastLines = append(w.lastLines, s)
}

// generatorSays tells the generator's words from a server's.
func generatorSays(line, word string) bool {
	return strings.HasPrefix(line, "gen: "+word) || strings.HasPrefix(line, "perf: "+word)
}

// page is the URL of the server's page of metrics; "" if it has said none.
func (w *Watcher) page() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.metrics
}

// collections is the number of cycles while measuring.
func (w *Watcher) collections() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.atEnd - w.atStart
}

// Last returns the last lines, for a message.
func (w *Watcher) Last() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Join(w.lastLines, " | ")
}

// A Server is a running one, with its address.
type Server struct {
	*subject.Process
	Address string
	output  *os.File // its standard output, read to the end by a goroutine
}

// StartServer starts command on a CPU, or for a negative one on any, with
// GOMAXPROCS=1 and waits for its address: in addrFile if that is in the command,
// else its first line of output.
// The calling goroutine is locked to its thread for as long as the server is to
// live. A server that is returned must be stopped.
func StartServer(command []string, cpu int, addrFile string, w *Watcher) (*Server, error) {
	return startServer(command, cpu, addrFile, false, w)
}

// startServer waits, if the server is paged, for its page of metrics too.
func startServer(command []string, cpu int, addrFile string, paged bool, w *Watcher) (*Server, error) {
	r, out, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	cmd.Stdout, cmd.Stderr = out, w.Lane()
	var cpus []int
	if cpu >= 0 {
		cpus = []int{cpu}
	}
	s := &Server{output: r}
	first := make(chan string, 1)
	go func() {
		b := bufio.NewReader(r)
		line, err := b.ReadString('\n')
		if err == nil {
			first <- strings.TrimSpace(line)
		}
		_, _ = io.Copy(io.Discard, b) // until the server ends or Stop closes it
	}()
	fromFile := strings.Contains(strings.Join(command, " "), addrFile)
	s.Process, err = subject.Launch(cmd, cpus, func() bool {
		if paged && w.page() == "" {
			return false
		}
		if fromFile {
			b, err := os.ReadFile(addrFile)
			s.Address, _, _ = strings.Cut(string(b), "\n")
			return err == nil
		}
		select {
		case s.Address = <-first:
			return true
		default:
			return false
		}
	}, w.Last)
	_ = out.Close()
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return s, nil
}

// Stop ends the server, as subject.Process does.
func (s *Server) Stop() error { return errors.Join(s.Process.Stop(), s.output.Close()) }
