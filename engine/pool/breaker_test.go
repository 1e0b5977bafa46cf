package pool

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestBreakerOptions(t *testing.T) {
	for _, tc := range []struct {
		o    BreakerOptions
		want string
	}{
		{BreakerOptions{}, ""},
		{BreakerOptions{Window: 64, Failures: 1, Successes: 1, Open: 1, Trial: 1}, ""},
		{BreakerOptions{Failures: -1}, "Failures -1"},
		{BreakerOptions{Successes: -2}, "Successes -2"},
		{BreakerOptions{Open: -time.Second}, "Open -1s"},
		{BreakerOptions{Trial: -time.Second}, "Trial -1s"},
		{BreakerOptions{Window: 65}, "Window is 65"},
		{BreakerOptions{Window: -1}, "Window is -1"},
	} {
		b, err := NewBreaker(tc.o)
		if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%+v: %v", tc.o, err)
		}
		if err == nil && (b.Options().Window == 0 || b.State() != BreakerClosed) {
			t.Errorf("%+v", b.Options())
		}
	}
}

// The breaker as a table: o ok, f failed, b broken, i ignored, each a call from Allow to
// Report; x a call that is refused; < a call that begins, > its end as ok, ! its
// end as failed; z a success and Z a failure of something nobody asked for; _ half the
// open time, . the time of a trial; T trips, R resets.
func TestBreakerSteps(t *testing.T) {
	for _, tc := range []struct{ name, steps, want string }{
		{"five in a row open", "ffff f x", "closed open"},
		{"a success in between", "ffffof", "closed"},
		{"ignored ones do not count", "ffffiiiiii", "closed"},
		{"broken counts as failed", "bfbfb x", "closed open"},
		{"half of ten open", "ofofofofo f x", "closed open"},
		{"half of nine do not", "ofofofofo", "closed"},
		{"four of ten do not", "ffffoooooo oooo", "closed"},
		{"the window forgets", "ffffoooooo fooooooooo ffff", "closed"},
		{"it stays open", "fffff x_x", "closed open"},
		{"two trials close it", "fffff ___ o o o", "closed open half-open closed"},
		{"one does not", "fffff ___ o", "closed open half-open"},
		{"one at a time", "fffff ___ <xx> <x> <<>>", "closed open half-open closed"},
		{"a failed trial opens it", "fffff ___ f x", "closed open half-open open"},
		{"the second too", "fffff ___ of x ___ oo", "closed open half-open open half-open closed"},
		{"an ignored trial leaves room for another", "fffff ___ iioo", "closed open half-open closed"},
		{"a trial that hangs opens it", "fffff ___ <x.xx", "closed open half-open open"},
		{"and its late end does not count", "fffff ___ <x.x > x", "closed open half-open open"},
		{"calls from before do not count", "<<<<<<fffff ___ o !!!!!! o", "closed open half-open closed"},
		{"nor when it is closed again", "<<<<<<fffff ___ oo !!!!!!", "closed open half-open closed"},
		{"what nobody asked for fails too", "fff ZZ x", "closed open"},
		{"but does not succeed", "ffffzf x", "closed open"},
		{"nor half-open", "fffff ___ o zzz Z x", "closed open half-open open"},
		{"and does not make it longer", "fffff _ ZZZZZ __ oo", "closed open half-open closed"},
		{"tripped and reset", "T x R oooo", "closed open closed"},
		{"a new window after it closed", "fffff ___ oo ffff", "closed open half-open closed"},
	} {
		synctest.Test(t, func(t *testing.T) {
			var b *Breaker
			got := []string{"closed"}
			b, err := NewBreaker(BreakerOptions{OnChange: func(from, to BreakerState) {
				if from.String() != got[len(got)-1] || b.State() != to {
					t.Errorf("%s: from %v to %v, and it is %v", tc.name, from, to, b.State())
				}
				got = append(got, to.String())
			}})
			if err != nil {
				t.Fatal(err)
			}
			var begun []Ticket
			allow := func() Ticket {
				t.Helper()
				k, err := b.Allow()
				if err != nil {
					t.Errorf("%s: %v", tc.name, err)
				}
				return k
			}
			for at, c := range tc.steps {
				switch c {
				case 'o':
					b.Report(allow(), OutcomeOK)
				case 'f':
					b.Report(allow(), OutcomeFailed)
				case 'b':
					b.Report(allow(), OutcomeBroken)
				case 'i':
					b.Report(allow(), OutcomeIgnored)
				case 'x':
					_, err := b.Allow()
					var open *BreakerOpenError
					if !errors.Is(err, ErrBreakerOpen) || !errors.As(err, &open) || open.RetryAfter > 66*time.Second || (b.State() == BreakerOpen) != (open.RetryAfter > 0) {
						t.Errorf("%s: at %d: %v", tc.name, at, err)
					}
				case 'z':
					b.Report(Ticket{}, OutcomeOK)
				case 'Z':
					b.Report(Ticket{}, OutcomeFailed)
				case '<':
					begun = append(begun, allow())
				case '>', '!':
					o := OutcomeOK
					if c == '!' {
						o = OutcomeFailed
					}
					b.Report(begun[0], o)
					begun = begun[1:]
				case '_':
					time.Sleep(33 * time.Second) // of 60 to 66
				case '.':
					time.Sleep(30 * time.Second)
				case 'T':
					b.Trip()
				case 'R':
					b.Reset()
				}
			}
			if s := b.Stats(); int(s.TrialsStuck) != strings.Count(tc.steps, ".x") || int(s.Opened) != strings.Count(tc.want, " open") || int(s.HalfOpened) != strings.Count(tc.want, "half") {
				t.Errorf("%s: %+v", tc.name, s)
			}
			if g := strings.Join(got, " "); g != tc.want {
				t.Errorf("%s: %s, want %s; %+v", tc.name, g, tc.want, b.Stats())
			}
		})
	}
	if BreakerState(7).String() != "unknown" {
		t.Error("names")
	}
}

// All who wait for a server that comes back do not meet it at once: from open to
// closed, one call at a time is let through, whoever asks.
func TestBreakerHerd(t *testing.T) {
	b, err := NewBreaker(BreakerOptions{Failures: 1, Open: 10 * time.Millisecond, Successes: 20})
	if err != nil {
		t.Fatal(err)
	}
	b.Report(Ticket{}, OutcomeFailed)
	if b.State() != BreakerOpen {
		t.Fatal("a failure that nobody asked for does not count")
	}
	b.Report(Ticket{}, OutcomeOK)
	var trials, atOnce, peak atomic.Int64
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			for b.State() != BreakerClosed {
				k, err := b.Allow()
				if err != nil {
					continue
				}
				if k.era == 3 { // half-open: 1 was closed, 2 open, 4 is closed again
					n := atOnce.Add(1)
					for q := peak.Load(); n > q && !peak.CompareAndSwap(q, n); q = peak.Load() {
					}
					trials.Add(1)
					time.Sleep(100 * time.Microsecond)
					atOnce.Add(-1)
				}
				b.Report(k, OutcomeOK)
			}
		})
	}
	wg.Wait()
	if s := b.Stats(); trials.Load() != 20 || peak.Load() != 1 || s.Trials != 20 || s.Closed != 1 || s.Refused == 0 {
		t.Errorf("%d trials, %d at once; %+v", trials.Load(), peak.Load(), s)
	}
}

// The breakers of many clients are not open for one and the same time.
func TestBreakerSpread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		early, late := 0, 0
		for range 200 {
			b, err := NewBreaker(BreakerOptions{})
			if err != nil {
				t.Fatal(err)
			}
			b.Trip()
			var open *BreakerOpenError
			if _, err = b.Allow(); !errors.As(err, &open) || open.RetryAfter < time.Minute || open.RetryAfter > 66*time.Second {
				t.Fatal(err)
			}
			if open.RetryAfter < 62*time.Second {
				early++
			}
			if open.RetryAfter > 64*time.Second {
				late++
			}
		}
		if early < 30 || late < 30 { // of 67 each
			t.Errorf("%d early, %d late", early, late)
		}
	})
}
