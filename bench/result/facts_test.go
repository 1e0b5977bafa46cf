package result

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A tree is dirty where its files differ from the commit, but for stored results and
// the page of them.
func TestDescribe(t *testing.T) {
	dir := t.TempDir()
	git := func(args ...string) {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=t", "-c", "user.email=t@t"}, args...)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Skipf("git %v: %v: %s", args, err, out)
		}
	}
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	git("init", "-q")
	if s := describeIn(dir); s != "" {
		t.Errorf("no commit is %q", s)
	}
	write("main.go", "package main\n")
	write("bench/baseline/a.json", "1")
	write("PERFORMANCE.md", "1")
	git("add", ".")
	git("commit", "-q", "-m", "first")
	clean := describeIn(dir)
	if len(clean) != 12 || strings.Contains(clean, "dirty") {
		t.Errorf("a clean tree is %q", clean)
	}
	write("bench/baseline/a.json", "2")
	write("PERFORMANCE.md", "2")
	write("new.txt", "not of git")
	if s := describeIn(filepath.Join(dir, "bench")); s != clean {
		t.Errorf("with a new result it is %q", s)
	}
	write("main.go", "package main // another\n")
	if s := describeIn(filepath.Join(dir, "bench")); s != clean+"-dirty" {
		t.Errorf("with other code it is %q", s)
	}
	if s := describeIn(filepath.Join(dir, "absent")); s != "" {
		t.Errorf("nowhere is %q", s)
	}
}
