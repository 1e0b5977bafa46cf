package admin

import (
	"fmt"
	"testing"
	"time"
)

// What has been seen once allocates nothing, of tools with a label and without.
func TestAllocsOperations(t *testing.T) {
	o := NewOperations()
	for i := range MaxTools + 10 {
		o.histogram(operation{method: "tools/call", tool: fmt.Sprint("tool ", i)})
	}
	o.well(methodCall, "tool 0")
	o.well(1, "")
	if n := testing.AllocsPerRun(100, func() {
		o.well(methodCall, "tool 0").observe(time.Millisecond)
		o.well(1, "").observe(time.Millisecond)
		_, _ = failureName(-32602, nil), failureName(1, nil)
	}); n != 0 {
		t.Errorf("what went well: %v allocations", n)
	}
	for _, tool := range []string{"tool 0", "tool 1030", ""} {
		op := operation{method: "tools/call", tool: tool}
		if n := testing.AllocsPerRun(100, func() { o.histogram(op).observe(time.Millisecond) }); n != 0 {
			t.Errorf("%q: %v allocations", tool, n)
		}
	}
}
