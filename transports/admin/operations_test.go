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

// What went well is counted where it is written from, whichever way it was found.
func TestWell(t *testing.T) {
	o := NewOperations()
	for range 2 { // under the lock, and then without
		for method := range len(methods) + 1 {
			if method != methodCall && o.well(method, "") != o.histogram(operation{method: name(method)}) {
				t.Errorf("%s: not the one that is written", name(method))
			}
		}
		for i := range MaxTools + 10 {
			tool := fmt.Sprint("tool ", i)
			want := operation{method: "tools/call", tool: tool}
			if i >= MaxTools {
				want.tool = other
			}
			if o.well(methodCall, tool) != o.histogram(want) {
				t.Errorf("%s: not the one that is written", tool)
			}
		}
	}
	if n := len(*o.wellTools.Load()); n != MaxTools {
		t.Errorf("%d tools are found without the lock, want the %d with a label", n, MaxTools)
	}
	if n := len(o.all); n != MaxTools+1+len(methods) {
		t.Errorf("%d histograms", n)
	}
}
