package rounds

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestMain makes the test binary a server that fails in the ways that
// StartServer must see.
func TestMain(m *testing.M) {
	switch os.Getenv("GANNET_ROUNDS_TEST_SERVER") {
	case "dies":
		_, _ = os.Stderr.WriteString("out of luck\n")
		os.Exit(1)
	case "prints":
		_, _ = os.Stdout.WriteString("tcp://127.0.0.1:1\nmore\n")
		time.Sleep(time.Minute)
	default:
		os.Exit(m.Run())
	}
}

func TestStartServer(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var w Watcher
	t.Setenv("GANNET_ROUNDS_TEST_SERVER", "prints")
	s, err := StartServer([]string{self}, 0, "no such file", &w)
	if err != nil {
		t.Fatal(err)
	}
	if s.Address != "tcp://127.0.0.1:1" {
		t.Errorf("address %q", s.Address)
	}
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
	t.Setenv("GANNET_ROUNDS_TEST_SERVER", "dies")
	if _, err := StartServer([]string{self}, 0, "no such file", &w); err == nil || !strings.Contains(err.Error(), "out of luck") {
		t.Errorf("of a server that dies: %v", err)
	}
	if _, err := StartServer([]string{filepath.Join(t.TempDir(), "absent")}, 0, "x", &w); err == nil {
		t.Error("a command that is not there starts")
	}
}

// Collections count between the generator's two words, whatever the pieces in
// which the streams come.
func TestWatcher(t *testing.T) {
	var w Watcher
	server, gen := w.Lane(), w.Lane()
	say := func(l interface{ Write([]byte) (int, error) }, s string) {
		for _, b := range []byte(s) {
			_, _ = l.Write([]byte{b})
		}
	}
	say(server, "gc 1 @0.1s 0%: …\n")
	say(gen, "gen: measuring")
	say(server, "gc 2 @0.2s 0%: …") // its line ends later
	say(gen, " for 1s\n")
	say(server, "\ngc 3 @0.3s 0%: …\nno gc 4 @\n")
	say(gen, "gen: draining\n")
	say(server, "gc 4 @0.4s 0%: …\n")
	if n := w.collections(); n != 2 {
		t.Errorf("%d collections, want 2", n)
	}
	say(server, strings.Repeat("x", 10*keepBytes)+"\n")
	if last := w.Last(); !strings.Contains(last, "no gc 4") || len(last) > keepLines*(keepBytes+3) {
		t.Errorf("last lines: %d bytes, %q", len(last), last)
	}
	for range 3 * keepLines {
		say(server, "line\n")
	}
	if n := strings.Count(w.Last(), "line"); n != keepLines {
		t.Errorf("%d lines are kept, want %d", n, keepLines)
	}
}
