package load

import (
	"errors"
	"fmt"

	"github.com/HdrHistogram/hdrhistogram-go"
	"golang.org/x/sys/unix"
)

// MaxReconnect bounds Options.Reconnect.
const MaxReconnect = 1_000_000_000

// Reconnects is what opening and closing took in the measured time, of a load whose
// connections have some calls each (Options.Reconnect). A connection that the end of
// the time cut short is in none of it, and its calls are in the rest of the result.
type Reconnects struct {
	Calls     int     `json:"calls"`      // on each connection
	Sessions  int64   `json:"sessions"`   // connected, opened, used and closed as they should be
	Rate      float64 `json:"per_second"` // of these
	Addresses int     `json:"addresses"`  // that they came from in turn; 0 of Unix sockets

	// Connect is from the call of connect to the end of the handshake of TLS if there
	// is one; Initialize on from there to an open session, and absent where nothing
	// opens one; Close from the last reply to the server's end of the connection: the
	// session of HTTP deleted, and each side told that nothing more comes. Session is
	// all of it, the calls included.
	Connect    Distribution  `json:"connect_us"`
	Initialize *Distribution `json:"initialize_us,omitempty"`
	Close      Distribution  `json:"close_us"`
	Session    Distribution  `json:"session_us"`
}

// A Distribution is a latency, and the same whole.
type Distribution struct {
	Latency
	Histogram string `json:"histogram,omitempty"` // in the form of Result.Histogram
}

func distributionOf(h *hdrhistogram.Histogram) Distribution {
	return Distribution{*latencyOf(h), encode(h)}
}

// A renewal gathers what opening and closing take, in ns. One goroutine only.
type renewal struct {
	connect, initialize, closing, whole *hdrhistogram.Histogram
}

func newRenewal() *renewal {
	h := func() *hdrhistogram.Histogram { return hdrhistogram.New(1, maxLatency, 3) }
	return &renewal{h(), h(), h(), h()}
}

// begin starts a phase.
func (r *renewal) begin() {
	for _, h := range []*hdrhistogram.Histogram{r.connect, r.initialize, r.closing, r.whole} {
		h.Reset()
	}
}

// result sums up a measured time.
func (r *renewal) result(calls, addresses int, seconds float64) *Reconnects {
	x := &Reconnects{Calls: calls, Sessions: r.whole.TotalCount(), Addresses: addresses,
		Connect: distributionOf(r.connect), Close: distributionOf(r.closing), Session: distributionOf(r.whole)}
	if seconds > 0 {
		x.Rate = float64(x.Sessions) / seconds
	}
	if r.initialize.TotalCount() > 0 {
		d := distributionOf(r.initialize)
		x.Initialize = &d
	}
	return x
}

// lines are the result for people.
func (x *Reconnects) lines() [][2]string {
	from := ""
	if x.Addresses > 1 {
		from = fmt.Sprintf(", from %d addresses in turn", x.Addresses)
	}
	all := [][2]string{{"sessions", fmt.Sprintf("%.0f/s (%d of %d calls each, opened and closed%s)", x.Rate, x.Sessions, x.Calls, from)}}
	for _, l := range []struct {
		name string
		of   *Distribution
	}{{"connect", &x.Connect}, {"initialize", x.Initialize}, {"close", &x.Close}, {"session", &x.Session}} {
		if l.of != nil {
			all = append(all, [2]string{l.name, fmt.Sprintf("p50 %.1f  p90 %.1f  p99 %.1f  p99.9 %.1f  max %.1f  mean %.1f µs", l.of.P50, l.of.P90, l.of.P99, l.of.P999, l.of.Max, l.of.Mean)})
		}
	}
	return all
}

// An openError is a session that the server did not open as it should.
type openError struct{ err error }

// Error is that of the step that failed.
func (e *openError) Error() string { return e.err.Error() }

// Unwrap returns the reason.
func (e *openError) Unwrap() error { return e.err }

// A closeError is a connection whose end did not come.
type closeError struct{ err error }

// Error says what was waited for.
func (e *closeError) Error() string {
	return fmt.Sprintf("load: the server did not close a connection that this side had ended: %v", e.err)
}

// Unwrap returns the reason.
func (e *closeError) Unwrap() error { return e.err }

// explain keeps why something failed, if nothing has before.
func (t *tally) explain(err error) {
	if t.failure == "" {
		t.failure = err.Error()
	}
}

// failed counts a connection that could not be opened or closed, by why; nil is
// none.
func (t *tally) failed(err error) {
	if err == nil {
		return
	}
	t.explain(err)
	var (
		secure *tlsError
		opened *openError
		closed *closeError
	)
	e := &t.errors
	switch {
	case errors.Is(err, unix.EADDRNOTAVAIL):
		e.Ports++
	case errors.As(err, &secure):
		e.TLS++
	case errors.As(err, &opened):
		e.Open++
	case errors.As(err, &closed):
		e.Unclosed++
	default:
		e.Connect++
	}
}
