package admin

import (
	"fmt"
	"testing"
)

// However many tools there are, so many have labels; those that have one keep it.
func TestToolLabels(t *testing.T) {
	o := NewOperations()
	first := o.histogram(operation{method: "tools/call", tool: "tool 0"})
	for i := range 3 * MaxTools {
		o.histogram(operation{method: "tools/call", tool: fmt.Sprint("tool ", i)})
	}
	if n := len(o.all); n != MaxTools+1 {
		t.Errorf("%d histograms, want %d and that of the others", n, MaxTools)
	}
	if o.histogram(operation{method: "tools/call", tool: "tool 0"}) != first {
		t.Error("a tool has lost its label")
	}
	rest := o.histogram(operation{method: "tools/call", tool: "one more"})
	if rest != o.histogram(operation{method: "tools/call", tool: other}) {
		t.Error("a tool beyond the bound has a label of its own")
	}
	o.histogram(operation{method: "ping"})
	o.histogram(operation{method: "tools/call", tool: "tool 0", failure: "-32602"})
	if n := len(o.all); n != MaxTools+3 {
		t.Errorf("%d histograms: those without a tool, or of a failure, are others", n)
	}
}
