package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"github.com/gannetmcp/gannet/bench/load"
)

// A progress tells people how a measurement goes: a line for each step and
// interval, and on a terminal one line that is written over, with a graph of the
// rates. It never holds up the sending thread: what its writer cannot take in
// time is left out.
type progress struct {
	lines    chan line
	done     chan struct{}
	once     sync.Once
	terminal bool
	w        io.Writer
	rates    []float64 // of the graph
}

type line struct {
	text  string
	point *load.Point
}

// newProgress starts a goroutine that writes to w until close.
func newProgress(w io.Writer, quiet bool) *progress {
	p := &progress{lines: make(chan line, 64), done: make(chan struct{}), w: w}
	if quiet {
		p.w = io.Discard
	}
	if f, ok := w.(*os.File); ok {
		info, err := f.Stat()
		p.terminal = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	go p.write()
	return p
}

// step and point are called on the sending thread.
func (p *progress) step(text string) { p.offer(line{text: text}) }

func (p *progress) point(at load.Point) { p.offer(line{point: &at}) }

func (p *progress) offer(l line) {
	select {
	case p.lines <- l:
	default:
	}
}

// close writes what is left, and ends the goroutine. It may be called again.
func (p *progress) close() {
	p.once.Do(func() { close(p.lines) })
	<-p.done
}

func (p *progress) write() {
	defer close(p.done)
	over := false // the last line is to be written over
	for l := range p.lines {
		if l.point == nil {
			if over {
				fmt.Fprintln(p.w)
			}
			over = false
			fmt.Fprintln(p.w, "perf:", l.text)
			continue
		}
		t := l.point
		text := fmt.Sprintf("%6.1f s  %8.0f/s  p50 %.0f  p99 %.0f  max %.0f µs  %d in flight", t.At, t.Rate(), t.P50, t.P99, t.Max, t.InFlight)
		if t.Errors > 0 {
			text += fmt.Sprintf("  %d errors", t.Errors)
		}
		if t.Skipped > 0 {
			text += fmt.Sprintf("  %d skipped", t.Skipped)
		}
		if !p.terminal {
			fmt.Fprintln(p.w, "perf:", text)
			continue
		}
		p.rates = append(p.rates, t.Rate())
		fmt.Fprintf(p.w, "\r\x1b[Kperf: %s  %s", text, graph(p.rates, 20))
		over = true
	}
	if over {
		fmt.Fprintln(p.w)
	}
}

// graph draws the last n values.
func graph(values []float64, n int) string {
	values = values[max(0, len(values)-n):]
	top := 0.0
	for _, v := range values {
		top = max(top, v)
	}
	bars := []rune("▁▂▃▄▅▆▇█")
	var b strings.Builder
	for _, v := range values {
		i := 0
		if top > 0 {
			i = int(v / top * float64(len(bars)-1))
		}
		b.WriteRune(bars[i])
	}
	return b.String()
}
