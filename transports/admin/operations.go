package admin

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gannetmcp/gannet/engine/mcp"
)

// bounds are the upper bounds of the histogram's buckets in seconds: those of
// OpenTelemetry's conventions for mcp.server.operation.duration.
var bounds = [...]float64{0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300}

// other is the label of what has no name that an operator gave it.
const other = "_other"

// methods are the methods that have a label of their own.
var methods = [...]string{
	"initialize", "ping", "server/discover", "tools/list", "tools/call", "resources/list", "resources/templates/list", "resources/read",
	"resources/subscribe", "resources/unsubscribe", "subscriptions/listen", "prompts/list", "prompts/get", "completion/complete",
	"logging/setLevel", "tasks/get", "tasks/result", "tasks/list", "tasks/cancel", "tasks/update",
}

// Operations measures how long operations take: give its Middleware to
// mcp.Server.Use, and it to Handler. Its methods are safe from any goroutine.
//
// It becomes mcp_server_operation_duration_seconds with the labels
// mcp_method_name, of the methods that the protocol has, gen_ai_tool_name, of
// the tools that are registered, and error_type, a JSON-RPC code or "tool_error".
// All else is "_other", and so are tools beyond MaxTools: a program that
// registers tools for ever does not fill the memory.
type Operations struct {
	mu    sync.RWMutex // protects the maps; histograms are atomic
	all   map[operation]*histogram
	tools map[string]struct{} // names that are labels

	// Those of what went well, which is nearly all, found without the lock; each is
	// in all as well. A table of tools is never changed, but replaced.
	wellMethods [len(methods) + 1]atomic.Pointer[histogram] // the last is of other
	wellTools   atomic.Pointer[map[string]*histogram]       // with a label of their own
}

// MaxTools is how many tools have a label of their own.
const MaxTools = 1024

type operation struct{ method, tool, failure string }

type histogram struct {
	buckets [len(bounds) + 1]atomic.Uint64
	nanos   atomic.Int64
}

// NewOperations returns an Operations that has measured nothing.
func NewOperations() *Operations {
	return &Operations{all: map[operation]*histogram{}, tools: map[string]struct{}{other: {}}}
}

// Middleware measures each request from where middleware begins to where its
// handler returns; what a handler moves off the loop is measured up to there.
//
// Hot path: no allocation once an operation has been seen; no lock if it went well.
func (o *Operations) Middleware(next mcp.Handler) mcp.Handler {
	return func(c *mcp.Call) error {
		begin := time.Since(birth)
		err := next(c)
		took := time.Since(birth) - begin
		method, tool := 0, ""
		for method < len(methods) && string(c.Method()) != methods[method] {
			method++
		}
		if method == methodCall {
			if tool = c.Tool(); tool == "" {
				tool = other
			}
		}
		if code := c.Engine().Code(); code == 0 && err == nil {
			o.well(method, tool).observe(took)
		} else {
			o.histogram(operation{name(method), tool, failureName(int(code), err)}).observe(took)
		}
		return err
	}
}

// birth is what times are measured from: the wall clock need not be read besides.
var birth = time.Now()

// methodCall is where methods has tools/call.
var methodCall = slices.Index(methods[:], "tools/call")

// name returns the label of a method.
func name(method int) string {
	if method == len(methods) {
		return other
	}
	return methods[method]
}

// well returns the histogram of what went well; tool is "" unless it is a call.
//
// Hot path: no allocation, no lock once it has been seen.
func (o *Operations) well(method int, tool string) *histogram {
	if tool == "" {
		if h := o.wellMethods[method].Load(); h != nil {
			return h
		}
	} else if tools := o.wellTools.Load(); tools != nil {
		if h := (*tools)[tool]; h != nil {
			return h
		}
	}
	return o.wellSlow(method, tool)
}

// wellSlow finds the histogram under the lock, and has it found without from then on;
// but not for tools without a label, however many there are.
func (o *Operations) wellSlow(method int, tool string) *histogram {
	h := o.histogram(operation{method: name(method), tool: tool})
	o.mu.Lock()
	defer o.mu.Unlock()
	if tool == "" {
		o.wellMethods[method].Store(h)
	} else if _, labelled := o.tools[tool]; labelled {
		tools := map[string]*histogram{}
		if old := o.wellTools.Load(); old != nil {
			tools = maps.Clone(*old)
		}
		tools[tool] = h
		o.wellTools.Store(&tools)
	}
	return h
}

// failureName returns the label of a failure: of the answer, or else of what the
// handler returned.
func failureName(code int, err error) string {
	if code != 0 {
		return codeName(code)
	}
	return failureSlow(err)
}

// failureSlow returns the label of what a handler returned, which is answered
// behind the middleware; to ask the client is no failure.
func failureSlow(err error) string {
	var rpc *mcp.Error
	switch {
	case errors.Is(err, mcp.ErrInputRequired):
		return ""
	case errors.As(err, &rpc):
		return codeName(int(rpc.Code))
	}
	return "tool_error"
}

// codeNames are the labels of the protocol's codes.
var codeNames = func() map[int]string {
	names := map[int]string{}
	for _, code := range []int{-32700, -32600, -32601, -32602, -32603, -32002, -32020, -32021, -32022, -32042, -31001, -31002, -31003, -31004, -31005} {
		names[code] = strconv.Itoa(code)
	}
	return names
}()

// codeName returns the label of a code: one of the protocol's, or other.
func codeName(code int) string {
	if name, known := codeNames[code]; known {
		return name
	}
	return other
}

func (o *Operations) histogram(op operation) *histogram {
	o.mu.RLock()
	h := o.all[op]
	o.mu.RUnlock()
	if h != nil {
		return h
	}
	return o.histogramSlow(op)
}

// histogramSlow makes the histogram of an operation that was not seen before, or
// finds that of the tools without a label.
func (o *Operations) histogramSlow(op operation) *histogram {
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, known := o.tools[op.tool]; !known && op.tool != "" {
		if len(o.tools) > MaxTools { // other is one of them
			op.tool = other
		} else {
			o.tools[op.tool] = struct{}{}
		}
	}
	h := o.all[op]
	if h == nil {
		h = &histogram{}
		o.all[op] = h
	}
	return h
}

func (h *histogram) observe(d time.Duration) {
	s := d.Seconds()
	i := 0
	for i < len(bounds) && s > bounds[i] {
		i++
	}
	h.buckets[i].Add(1)
	h.nanos.Add(int64(d))
}

// write writes the histograms, in the order of their labels.
func (o *Operations) write(m *metrics) {
	const name = "mcp_server_operation_duration_seconds"
	o.mu.RLock()
	all := maps.Clone(o.all)
	o.mu.RUnlock()
	m.head(name, "histogram", "Duration of MCP requests as the server sees them.")
	ops := slices.SortedFunc(maps.Keys(all), func(a, b operation) int {
		return slices.Compare([]string{a.method, a.tool, a.failure}, []string{b.method, b.tool, b.failure})
	})
	for _, op := range ops {
		labels := fmt.Sprintf("mcp_method_name=%q", op.method)
		if op.tool != "" {
			labels += fmt.Sprintf(",gen_ai_tool_name=%q", op.tool)
		}
		if op.failure != "" {
			labels += fmt.Sprintf(",error_type=%q", op.failure)
		}
		h, sum := all[op], uint64(0)
		for i := range h.buckets {
			sum += h.buckets[i].Load()
			le := "+Inf"
			if i < len(bounds) {
				le = strconv.FormatFloat(bounds[i], 'g', -1, 64)
			}
			fmt.Fprintf(m.w, "%s_bucket{%s,le=%q} %d\n", name, labels, le, sum)
		}
		fmt.Fprintf(m.w, "%s_sum{%s} %g\n%s_count{%s} %d\n", name, labels, float64(h.nanos.Load())/1e9, name, labels, sum)
	}
}
