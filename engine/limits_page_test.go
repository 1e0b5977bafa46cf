package engine_test

import (
	"context"
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/codec"
	"github.com/gannetmcp/gannet/engine"
	"github.com/gannetmcp/gannet/engine/mcp"
	"github.com/gannetmcp/gannet/engine/pool"
	"github.com/gannetmcp/gannet/engine/registry"
	"github.com/gannetmcp/gannet/ringbuf"
	"github.com/gannetmcp/gannet/transports"
	"github.com/gannetmcp/gannet/transports/http1"
	"github.com/gannetmcp/gannet/transports/http2"
	"github.com/gannetmcp/gannet/transports/nethttp"
	"github.com/gannetmcp/gannet/transports/sse"
	"github.com/gannetmcp/gannet/transports/tlsconn"
	"github.com/gannetmcp/gannet/transports/web"
	"github.com/gannetmcp/gannet/transports/webclient"
	"github.com/gannetmcp/gannet/transports/websocket"
)

// folders of the packages that the page speaks of.
var folders = map[string]string{
	"engine": ".", "codec": "../codec", "transports": "../transports", "registry": "registry",
	"http1": "../transports/http1", "ringbuf": "../ringbuf", "pool": "pool", "mcp": "mcp", "fixture": "mcp/fixture",
	"sse": "../transports/sse", "nethttp": "../transports/nethttp", "webclient": "../transports/webclient", "web": "../transports/web",
	"websocket": "../transports/websocket", "tlsconn": "../transports/tlsconn", "http2": "../transports/http2",
}

// LIMITS.md names every number in every Options struct, with the default that
// is in force, and tests that exist; and the constants at its end have the
// values that it says.
func TestLimitsPage(t *testing.T) {
	text, err := os.ReadFile("LIMITS.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range pageErrors(string(text), wantedDefaults(t)) {
		t.Error(e)
	}
}

// The comparison can fail: each of these changes to the page is noticed.
func TestLimitsPageNotices(t *testing.T) {
	text, err := os.ReadFile("LIMITS.md")
	if err != nil {
		t.Fatal(err)
	}
	wanted := wantedDefaults(t)
	for what, change := range map[string][2]string{
		"a row is missing":              {"| `engine.Options.MaxInFlight` |", "| `engine.Options.MaxOutFlight` |"},
		"another default":               {"| 16 MiB | `Oversized`", "| 17 MiB | `Oversized`"},
		"a test that does not exist":    {"`engine.TestPushLimit`", "`engine.TestPullLimit`"},
		"a counter that does not exist": {"| `CallsTimedOut` |", "| `CallsTimedIn` |"},
		"a constant of another value":   {"| `engine.urgentMax` | 100 |", "| `engine.urgentMax` | 101 |"},
	} {
		changed := strings.Replace(string(text), change[0], change[1], 1)
		if changed == string(text) {
			t.Errorf("%s: %q is not on the page", what, change[0])
		} else if len(pageErrors(changed, wanted)) == 0 {
			t.Errorf("%s: not noticed", what)
		}
	}
}

// wantedDefaults returns every option that is a number, with its default as
// the code applies it.
func wantedDefaults(t *testing.T) map[string]int64 {
	t.Helper()
	e, err := engine.New(nobody{}, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	wanted := map[string]int64{}
	numbers(wanted, "engine.Options", e.Options())
	numbers(wanted, "codec.Limits", codec.NewParser(codec.Limits{}).Limits())
	o := transports.Options{Grace: transports.DefaultGrace, CompressMin: transports.DefaultCompressMin}
	o.TCP.KeepAlive, o.TCP.KeepAliveProbes = transports.DefaultKeepAlive, transports.DefaultKeepAliveProbes
	numbers(wanted, "transports.Options", o)
	numbers(wanted, "transports.TCPOptions", o.TCP)
	numbers(wanted, "transports.TLSOptions", transports.TLSOptions{
		HandshakeTimeout: transports.DefaultTLSHandshakeTimeout, MaxHandshakes: tlsconn.DefaultMaxHandshakes,
		MaxHandshakeBytes: tlsconn.DefaultMaxHandshakeBytes, ReloadInterval: transports.DefaultTLSReloadInterval})
	numbers(wanted, "tlsconn.GateOptions", tlsconn.GateOptions{MaxHandshakes: tlsconn.DefaultMaxHandshakes, GiveWay: tlsconn.DefaultGiveWay})
	numbers(wanted, "tlsconn.Options", tlsconn.Options{MaxHandshakeBytes: tlsconn.DefaultMaxHandshakeBytes})
	numbers(wanted, "nethttp.Options", nethttp.Options{MaxRequests: nethttp.DefaultMaxRequests})
	numbers(wanted, "http1.Limits", http1.NewLoop(nil, http1.Limits{}).Limits())
	numbers(wanted, "web.WebSocketOptions", web.WebSocketOptions{}.WithDefaults())
	h2 := http2.NewLoop(nil, http2.Limits{}).Limits()
	numbers(wanted, "http2.Limits", h2)
	numbers(wanted, "transports.HTTP2Options", transports.HTTP2Options{MaxStreams: h2.Streams, StreamWindow: h2.StreamWindow, ConnWindow: h2.ConnWindow, MaxResets: h2.Resets})
	numbers(wanted, "websocket.Options", websocket.NewLoop(nil, websocket.Options{}).Options())
	numbers(wanted, "sse.ReplayOptions", sse.ReplayOptions{MaxEvents: sse.DefaultReplayEvents, MaxBytes: sse.DefaultReplayBytes, MaxAge: sse.DefaultReplayAge})
	numbers(wanted, "sse.ReaderOptions", sse.ReaderOptions{MaxDataBytes: sse.DefaultReaderData, MaxFieldBytes: sse.DefaultReaderField})
	numbers(wanted, "registry.NamesOptions", registry.NamesOptions{MaxNames: registry.DefaultMaxNames, MaxNameSize: registry.DefaultMaxNameSize})
	numbers(wanted, "registry.TableOptions", registry.TableOptions{
		MaxEntries: registry.DefaultMaxEntries, MaxPerOwner: registry.DefaultMaxPerOwner, MaxNameSize: registry.DefaultMaxNameSize})
	numbers(wanted, "registry.TopicsOptions", registry.TopicsOptions{
		MaxSubscriptions: registry.DefaultMaxSubscriptions, MaxPerSubscriber: registry.DefaultMaxPerSubscriber, MaxNameSize: registry.DefaultMaxTopicNameBytes})
	numbers(wanted, "ringbuf.PoolOptions", ringbuf.PoolOptions{RetainPerClass: ringbuf.DefaultRetainPerClass, Retain: ringbuf.DefaultRetain})
	numbers(wanted, "pool.WorkersOptions", pool.WorkersOptions{Max: pool.DefaultWorkersMax, Queue: pool.DefaultQueue, IdleAfter: pool.DefaultIdleAfter})
	conns, err := pool.NewPool(pool.Dialer[int]{
		Dial:  func(context.Context) (int, error) { return 0, nil },
		Close: func(int) error { return nil },
	}, pool.PoolOptions{})
	if err == nil {
		var c *pool.Controller
		if c, err = pool.NewController(pool.ControllerOptions{}); err == nil {
			numbers(wanted, "pool.ControllerOptions", c.Options())
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	defer conns.Close(context.Background())
	numbers(wanted, "pool.PoolOptions", conns.Options())
	numbers(wanted, "pool.BreakerOptions", conns.Options().Breaker)
	numbers(wanted, "transports.DialOptions", transports.DialOptions{
		DialTimeout: transports.DefaultDialTimeout, KeepAlive: transports.DefaultKeepAlive,
		ReconnectMin: transports.DefaultReconnectMin, ReconnectMax: transports.DefaultReconnectMax})
	numbers(wanted, "transports.CommandOptions", transports.CommandOptions{
		ExitTimeout: transports.DefaultExitTimeout, TermTimeout: transports.DefaultTermTimeout, StderrTail: transports.DefaultStderrTail})
	client := webclient.Options{
		PostTimeout: webclient.DefaultPostTimeout, EndpointTimeout: webclient.DefaultEndpointTimeout, CloseTimeout: webclient.DefaultCloseTimeout,
		MaxResumes: webclient.DefaultMaxResumes, MaxNotes: webclient.DefaultMaxNotes}
	numbers(wanted, "webclient.Options", client)
	numbers(wanted, "mcp.ClientOptions", mcp.ClientOptions{
		ProbeTimeout: mcp.DefaultProbeTimeout, RequestTimeout: mcp.DefaultRequestTimeout, RequestTimeoutMax: mcp.DefaultRequestTimeoutMax, TaskTimeout: mcp.DefaultTaskTimeout,
		MaxPending: mcp.DefaultMaxPending, MaxPendingBytes: mcp.DefaultMaxPendingBytes,
		NotificationQueue: mcp.DefaultNotificationQueue, NotificationBytes: mcp.DefaultNotificationBytes,
		MaxPages: mcp.DefaultMaxPages, MaxListBytes: mcp.DefaultMaxListBytes, MaxRounds: mcp.DefaultMaxRounds})
	numbers(wanted, "mcp.HTTPOptions", mcp.HTTPOptions{MaxSessions: mcp.DefaultMaxSessions, SessionIdle: mcp.DefaultSessionIdle, SessionTTL: mcp.DefaultSessionTTL, KeepAlive: mcp.DefaultKeepAlive,
		ReplayEvents: sse.DefaultReplayEvents, ReplayBytes: sse.DefaultReplayBytes, ReplayAge: sse.DefaultReplayAge,
		ReplayStreams: mcp.DefaultReplayStreams, MaxReplayBytes: mcp.DefaultMaxReplayBytes, Retry: mcp.DefaultRetry})
	numbers(wanted, "mcp.Options", mcp.Options{MaxSubscriptions: registry.DefaultMaxPerSubscriber, MaxOpenRequests: mcp.DefaultMaxOpenRequests,
		MaxQuestions: mcp.DefaultMaxQuestions, AnswerTimeout: mcp.DefaultAnswerTimeout, StateTTL: mcp.DefaultStateTTL,
		MaxTasks: mcp.DefaultMaxTasks, MaxTasksPerOwner: mcp.DefaultMaxTasksPerOwner, MaxTaskBytes: mcp.DefaultMaxTaskBytes, MaxRunningTasks: 0, TaskTTL: mcp.DefaultTaskTTL})
	return wanted
}

type nobody struct{}

func (nobody) OpenConn(*engine.Conn) engine.Handler { return nil }

// numbers adds the numeric fields of a struct; nested structs have names of
// their own.
func numbers(to map[string]int64, name string, v any) {
	r := reflect.ValueOf(v)
	for i := range r.NumField() {
		f := r.Type().Field(i)
		if f.IsExported() && (f.Type.Kind() == reflect.Int || f.Type.Kind() == reflect.Int64) {
			to[name+"."+f.Name] = r.Field(i).Int()
		}
	}
}

var (
	optionRow   = regexp.MustCompile("^\\| `(\\w+\\.\\w+\\.\\w+)` \\| ([^|]*) \\| ([^|]*)\\| [^|]*\\| `(\\w+)\\.(\\w+)` \\|$")
	constantRow = regexp.MustCompile("^\\| `(\\w+)\\.(\\w+)` \\| ([^|]*) \\| ")
	counterName = regexp.MustCompile("`(\\w+)(?:\\.(\\w+)|\\[(\\w+)\\])?`")
)

// pageErrors compares the page with the code.
func pageErrors(page string, wanted map[string]int64) (errs []string) {
	bad := func(format string, args ...any) { errs = append(errs, fmt.Sprintf(format, args...)) }
	seen := map[string]bool{}
	for line := range strings.Lines(page) {
		line = strings.TrimSpace(line)
		if m := optionRow.FindStringSubmatch(line); m != nil {
			seen[m[1]] = true
			want, there := wanted[m[1]]
			switch got, err := amount(m[2]); {
			case !there:
				bad("%s is no option", m[1])
			case err != nil:
				bad("%s: %v", m[1], err)
			case got != want:
				bad("%s: the page says %s, the code %d", m[1], m[2], want)
			}
			if !hasTest(m[4], m[5]) {
				bad("%s: there is no test %s.%s", m[1], m[4], m[5])
			}
			if c := counterName.FindStringSubmatch(m[3]); c != nil && !hasCounter(c) {
				bad("%s: there is no counter %s", m[1], c[0])
			}
		} else if m := constantRow.FindStringSubmatch(line); m != nil {
			got, err := amount(m[3])
			if want, ok := constantOf(m[1], m[2]); err != nil || !ok || got != want {
				bad("%s.%s: the page says %s, the code %d (%v)", m[1], m[2], m[3], want, err)
			}
		}
	}
	for name := range wanted {
		if !seen[name] {
			bad("%s has no line on the page", name)
		}
	}
	return errs
}

// amount reads "16 MiB", "1,000", "30 s".
func amount(s string) (int64, error) {
	number, unit, _ := strings.Cut(strings.TrimSpace(s), " ")
	n, err := strconv.ParseInt(strings.ReplaceAll(number, ",", ""), 10, 64)
	if err != nil {
		return 0, err
	}
	factor, known := map[string]int64{"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30,
		"ms": int64(time.Millisecond), "s": int64(time.Second), "min": int64(time.Minute), "h": int64(time.Hour)}[unit]
	if !known {
		return 0, fmt.Errorf("unit %q", unit)
	}
	return n * factor, nil
}

// hasTest reports whether a package has the test function.
func hasTest(pkg, name string) bool {
	files, _ := filepath.Glob(filepath.Join(folders[pkg], "*_test.go"))
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err == nil && strings.Contains(string(b), "\nfunc "+name+"(t *testing.T)") {
			return true
		}
	}
	return false
}

// hasCounter reports whether m (name, method or field, reason) is one.
func hasCounter(m []string) bool {
	switch {
	case m[3] != "":
		for r := engine.CloseReason(0); r.String() != "unknown"; r++ {
			if r.String() == m[3] && m[1] == "Closed" {
				return true
			}
		}
		for r := web.Refusal(0); r.String() != "unknown"; r++ {
			if r.String() == m[3] && m[1] == "HTTPRefused" {
				return true
			}
		}
		for f := web.HTTP2Failure(0); f.String() != "unknown"; f++ {
			if f.String() == m[3] && m[1] == "Failed" {
				return true
			}
		}
		for f := web.Failure(0); f.String() != "unknown"; f++ {
			if f.String() == m[3] {
				return m[1] == "WebSockets"
			}
		}
		for f := range tlsconn.NumFailures {
			if f.String() == m[3] {
				return m[1] == "TLS"
			}
		}
		return false
	case m[2] != "":
		for _, v := range []any{&registry.Table[int]{}, &registry.Topics{}, ringbuf.PoolStats{}, pool.WorkersStats{}, pool.Snapshot{}, pool.BreakerStats{}, mcp.Stats{}, web.Sockets{}, web.HTTP2Stats{}} {
			typ := reflect.TypeOf(v)
			_, method := typ.MethodByName(m[2])
			field := typ.Kind() == reflect.Struct
			if field {
				_, field = typ.FieldByName(m[2])
			}
			if name := strings.TrimPrefix(typ.String(), "*"); strings.Contains(name, "."+m[1]) && (method || field) {
				return true
			}
		}
		return false
	}
	_, a := reflect.TypeFor[engine.Snapshot]().FieldByName(m[1])
	_, b := reflect.TypeFor[transports.Snapshot]().FieldByName(m[1])
	_, c := reflect.TypeFor[nethttp.Snapshot]().FieldByName(m[1])
	return a || b || c
}

// constantOf finds the value of a constant in a package's source.
func constantOf(pkg, name string) (int64, bool) {
	files, _ := filepath.Glob(filepath.Join(folders[pkg], "*.go"))
	for _, f := range files {
		if strings.HasSuffix(f, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), f, nil, 0)
		if err != nil {
			return 0, false
		}
		for _, d := range file.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.CONST {
				continue
			}
			for _, s := range g.Specs {
				v := s.(*ast.ValueSpec)
				for i, n := range v.Names {
					if n.Name != name || i >= len(v.Values) {
						continue
					}
					tv, err := types.Eval(token.NewFileSet(), nil, token.NoPos, types.ExprString(v.Values[i]))
					if err != nil {
						return 0, false
					}
					return constant.Int64Val(constant.ToInt(tv.Value))
				}
			}
		}
	}
	return 0, false
}
