package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/pprof/profile"
)

// allProfiles are the files of a whole run.
func allProfiles() (names []string) {
	for _, side := range []string{"server", "generator"} {
		for _, p := range []string{"cpu.prof", "allocs.prof", "heap.prof", "mutex.prof", "block.prof", "trace"} {
			names = append(names, side+"."+p)
		}
	}
	slices.Sort(names)
	return names
}

// A workload is profiled on both sides, and each file is one that the tools read.
func TestProfile(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "made", "here")
	code, out, errs := perf("profile", "tcp call d16", "--gannet", self, "--no-pin", "--warmup", "10ms", "--duration", "1s", "--trace", "50ms", "--dir", dir, "--top", "7")
	if code != exitOK {
		t.Fatalf("exit code %d: %s%s", code, out, errs)
	}
	for _, want := range []string{"server: ", "generator: ", "  kernel ", "flat     cum  of           function", "go tool pprof -http=: " + filepath.Join(dir, "server.cpu.prof"), "go tool trace " + filepath.Join(dir, "generator.trace")} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
	if strings.Contains(out, "missing:") {
		t.Errorf("profiles are missing: %s", out)
	}
	for _, name := range allProfiles() {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Error(err)
			continue
		}
		if strings.HasSuffix(name, ".trace") {
			if !strings.HasPrefix(string(b), "go 1.") {
				t.Errorf("%s is no trace: %.20q", name, b)
			}
			continue
		}
		if p, err := profile.ParseData(b); err != nil || len(p.SampleType) == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A server that runs already, with and without profiles of its own: what cannot
// be had is said, the generator's is there.
func TestProfileURL(t *testing.T) {
	withPages := httptest.NewServer(http.DefaultServeMux)
	defer withPages.Close()
	without := httptest.NewServer(http.NotFoundHandler())
	defer without.Close()
	target := listen(t)
	for _, c := range []struct {
		name, admin string
		server      bool
	}{
		{"profiles", withPages.URL, true},
		{"no profiles", without.URL, false},
		{"nobody there", "http://127.0.0.1:1", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			code, out, errs := perf("profile", target, "--admin", c.admin, "--method", "ping", "-c", "2", "--no-pin", "--warmup", "0s", "--duration", "1s", "--trace", "0s", "--dir", dir, "--format", "json")
			if code != exitOK {
				t.Fatalf("exit code %d: %s%s", code, out, errs)
			}
			var r profileReport
			if err := json.Unmarshal([]byte(out), &r); err != nil {
				t.Fatal(err)
			}
			// The server is this process too here, which has one CPU profile at a time.
			refused := slices.ContainsFunc(r.Missing, func(s string) bool { return strings.HasPrefix(s, "server.allocs.prof: ") })
			if refused == c.server || r.Generator == nil || r.Load.Messages == 0 || len(r.Files) < 5 {
				t.Errorf("files %v, missing %v", r.Files, r.Missing)
			}
			if !slices.ContainsFunc(r.Missing, func(s string) bool { return strings.HasPrefix(s, "server.cpu.prof: ") }) {
				t.Errorf("two CPU profiles of one process: %v", r.Missing)
			}
			for _, m := range r.Missing {
				name, _, _ := strings.Cut(m, ":")
				if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
					t.Errorf("%s is missing, and there", name)
				}
			}
		})
	}
	if code, _, _ := perf("profile", "tcp://127.0.0.1:1", "--no-pin", "--dir", t.TempDir()); code != exitConnect {
		t.Errorf("nobody listens: exit code %d", code)
	}
}

func TestProfileUsage(t *testing.T) {
	for _, bad := range []string{"", "no-such-workload", "tcp://127.0.0.1:1 --duration 10ms", "tcp://127.0.0.1:1 --duration 1h", "tcp://127.0.0.1:1 --trace 1h", "tcp://127.0.0.1:1 --trace -1s",
		"tcp://127.0.0.1:1 --top 0", "tcp://127.0.0.1:1 --warmup -1s", "tcp://127.0.0.1:1 --format xml", "ftp://x"} {
		if code, out, errs := perf(append([]string{"profile", "--dir", t.TempDir()}, strings.Fields(bad)...)...); code != exitUsage || out != "" || errs == "" {
			t.Errorf("perf profile %s: exit code %d, says %q", bad, code, errs)
		}
	}
	if code, out, _ := perf("profile", "--list"); code != exitOK || !strings.Contains(out, "gannet http ping d1\n") || strings.Contains(out, "stdio") {
		t.Errorf("--list: exit code %d: %s", code, out)
	}
	if code, _, errs := perf("profile", "tcp call d1", "--gannet", "/nonexistent", "--dir", t.TempDir()); code != exitUsage || !strings.Contains(errs, "make build") {
		t.Errorf("no server: exit code %d: %s", code, errs)
	}
}
