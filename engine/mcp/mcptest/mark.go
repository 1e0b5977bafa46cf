package mcptest

import (
	"bytes"
	"context"
	"fmt"
	"runtime/pprof"
	"strconv"
	"strings"
	"sync/atomic"
)

// mark is a profiler label. Goroutines inherit labels from the one that starts
// them, so that what a server has started is told from what other tests, which
// may run at the same time, have.
type mark struct{ value string }

const markLabel = "mcptest"

var marks atomic.Int64

func newMark() mark { return mark{strconv.FormatInt(marks.Add(1), 10)} }

// on calls f with the mark on the calling goroutine, which must have no labels
// of its own: they are gone afterwards.
func (m mark) on(f func()) {
	pprof.Do(context.Background(), pprof.Labels(markLabel, m.value), func(context.Context) { f() })
}

// goroutines returns the stacks of the goroutines that have the mark, empty if
// there are none.
func (m mark) goroutines() string {
	var all bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&all, 1); err != nil {
		return err.Error()
	}
	label := fmt.Sprintf("%q:%q", markLabel, m.value)
	var marked strings.Builder
	for stack := range strings.SplitSeq(all.String(), "\n\n") {
		if strings.Contains(stack, label) {
			marked.WriteString(stack + "\n")
		}
	}
	return marked.String()
}
