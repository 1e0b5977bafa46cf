package main

import (
	"io"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gannetmcp/gannet/bench/result"
)

// perf load --reconnect: figures of opening and closing in the text, the file, the
// tables, and in what compares.
func TestLoadReconnect(t *testing.T) {
	linux(t)
	dir := t.TempDir()
	three, one := filepath.Join(dir, "three.json"), filepath.Join(dir, "one.json")
	target := listen(t)
	code, out, errs := perf("load", target, "-c", "4", "--reconnect", "3", "-n", "300", "-q", "--warmup", "0", "--runs", "2", "--name", "churn", "--save", three)
	if code != exitOK && code != exitSaturated || !strings.Contains(out, "of 3 calls each, opened and closed, from 250 addresses in turn)") || !strings.Contains(out, "sessions_per_s     median") {
		t.Fatalf("exit code %d: %s%s", code, out, errs)
	}
	r, err := result.Read(three)
	if err != nil || len(r.Runs) != 2 || r.Runs[1].Reconnects == nil || r.Runs[1].Reconnects.Sessions < 90 || r.Runs[1].Reconnects.Close.Histogram == "" {
		t.Fatalf("%+v, %v", r, err)
	}
	code, out, errs = perf("report", "--markdown", three)
	if code != exitOK || !strings.Contains(out, "| reconnecting load | calls each | sessions_per_s | connect_p50_us |") || !strings.Contains(out, "\n| churn | 3 | ") {
		t.Errorf("exit code %d: %s%s", code, out, errs)
	}
	if code, _, errs := perf("load", target, "-c", "4", "--reconnect", "1", "-n", "300", "-q", "--warmup", "0", "--save", one); code != exitOK && code != exitSaturated {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	other, err := result.Read(one)
	if err != nil {
		t.Fatal(err)
	}
	for _, run := range append(r.Runs, other.Runs...) {
		run.Generator.Saturated = false
	}
	if _, err := result.Compare(r, r); err != nil {
		t.Errorf("with itself: %v", err)
	}
	if _, err := result.Compare(r, other); err == nil || !strings.Contains(err.Error(), "3 calls in one and 1 in the other") {
		t.Errorf("with fewer calls a connection: %v", err)
	}
	// A server that closes what it accepts: after the first, which the run begins with.
	var accepted atomic.Int32
	closing := listenBy(t, func(c io.ReadWriter) {
		if accepted.Add(1) == 1 {
			serve(c)
		}
	})
	code, _, errs = perf("load", closing, "--reconnect", "1", "--duration", "50ms", "-q", "--warmup", "0")
	if code != exitFailed || !strings.Contains(errs, "open ") || !strings.Contains(errs, "such as: initialize: ") {
		t.Errorf("a server that closes: exit code %d: %s", code, errs)
	}
	if code, _, errs := perf("load", target, "-q", "--reconnect", "-1"); code != exitUsage || errs == "" {
		t.Errorf("less than nothing: exit code %d: %s", code, errs)
	}
}
