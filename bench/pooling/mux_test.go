package pooling

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gannetmcp/gannet/engine/pool"
)

// Many callers at once each get their own answer.
func TestMux(t *testing.T) {
	l, err := dialLine(context.Background(), demo(t), "hello", 0)
	if err != nil {
		t.Fatal(err)
	}
	m := newMux(l)
	var wg sync.WaitGroup
	for range pool.MaxPerConn {
		wg.Go(func() {
			for range 200 {
				if err := m.call(time.Now().Add(20 * time.Second)); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if m.free != ^uint64(0) {
		t.Errorf("places %b are not free", ^m.free)
	}
	if err := m.close(); err != nil {
		t.Error(err)
	}
	if err := m.call(time.Now().Add(time.Second)); err != errMuxClosed {
		t.Errorf("a call on what is closed: %v", err)
	}
}

// What goes wrong on a shared connection is told to all who share it.
func TestMuxChecks(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		answer func(n int, good string) string // n from 3: the calls
		want   string
	}{
		{"the end", func(n int, good string) string { return map[bool]string{true: "end", false: good}[n > 4] }, "ended the connection"},
		{"silence", func(n int, good string) string { return map[bool]string{true: "", false: good}[n > 2] }, "no answer in time"},
		{"another text", func(n int, good string) string { return good[:20] + strings.Replace(good[20:], "xx", "xy", n/4) }, "wrong answer"},
		{"twice", func(n int, good string) string { return strings.Repeat(good, 1+n/4) }, "nobody asked"},
		{"no id", func(n int, good string) string { return map[bool]string{true: "{}\n", false: good}[n > 3] }, "wrong answer"},
		{"notifications in between", func(n int, good string) string {
			return map[bool]string{true: `{"jsonrpc":"2.0","method":"notifications/message","params":{}}` + "\n"}[n > 2] + good
		}, ""},
	} {
		target, stop := scripted(t, tc.answer)
		l, err := dialLine(context.Background(), target, "xxxx", 0)
		if err != nil {
			t.Fatal(tc.name, err)
		}
		m := newMux(l)
		var mu sync.Mutex
		said := map[string]int{}
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				err := m.call(time.Now().Add(500 * time.Millisecond))
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					said[err.Error()]++
				}
			})
		}
		wg.Wait()
		found := tc.want == "" && len(said) == 0
		for s := range said {
			found = found || tc.want != "" && strings.Contains(s, tc.want)
		}
		if !found {
			t.Errorf("%s: %v, want %q", tc.name, said, tc.want)
		}
		if err := m.close(); err != nil {
			t.Errorf("%s: closing: %v", tc.name, err)
		}
		stop()
	}
}
