package load

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"time"
)

// MetricsOfChild as Options.MetricsURL is the page that the child of stdio says on its
// standard error: the first URL there whose path is /metrics.
const MetricsOfChild = "child"

// page is the URL of a page of metrics in a line of a log.
var page = regexp.MustCompile(`https?://[^\s"'<>]+/metrics\b`)

// PageIn is the URL of a page of metrics in what a server has logged; "" is none.
func PageIn(line string) string { return page.FindString(line) }

// finderLine bounds what is looked at of a line, in bytes.
const finderLine = 4096

// A pageFinder passes a log on and finds the page of metrics in it. One goroutine
// writes, another waits.
type pageFinder struct {
	out   io.Writer
	part  []byte      // a line that has come in part; no more than finderLine of it
	found chan string // has room for the one URL
	done  bool
}

func newPageFinder(out io.Writer) *pageFinder {
	return &pageFinder{out: out, found: make(chan string, 1)}
}

// Write passes p on, of which it keeps nothing.
func (f *pageFinder) Write(p []byte) (int, error) {
	for rest := p; !f.done && len(rest) > 0; {
		i := bytes.IndexByte(rest, '\n')
		piece := rest
		if i >= 0 {
			piece = rest[:i]
		}
		f.part = append(f.part, piece[:min(len(piece), finderLine-len(f.part))]...)
		if i < 0 {
			break
		}
		if url := PageIn(string(f.part)); url != "" {
			f.found <- url
			f.done = true
		}
		f.part, rest = f.part[:0], rest[i+1:]
	}
	return f.out.Write(p)
}

var errNoPage = errors.New("the child has said no page of metrics on its standard error (a URL whose path is /metrics)")

// url waits for the page.
func (f *pageFinder) url(timeout time.Duration) (string, error) {
	select {
	case url := <-f.found:
		f.found <- url // for the next measurement
		return url, nil
	case <-time.After(timeout):
		return "", errNoPage
	}
}
