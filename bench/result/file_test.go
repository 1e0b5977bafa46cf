package result

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What could not be written whole leaves what was there.
func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	path, link := filepath.Join(dir, "r"), filepath.Join(dir, "link")
	text := func(s string) func(io.Writer) error {
		return func(w io.Writer) error { _, err := io.WriteString(w, s); return err }
	}
	is := func(want string) {
		t.Helper()
		if b, err := os.ReadFile(path); err != nil || string(b) != want {
			t.Errorf("%q, %v; want %q", b, err, want)
		}
		if all, err := filepath.Glob(filepath.Join(dir, "*.part")); err != nil || len(all) > 0 {
			t.Errorf("left: %v, %v", all, err)
		}
	}
	if err := WriteFile(path, text("one")); err != nil {
		t.Fatal(err)
	}
	is("one")
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	failed := errors.New("no")
	if err := WriteFile(path, func(w io.Writer) error { _, _ = io.WriteString(w, "half"); return failed }); !errors.Is(err, failed) {
		t.Errorf("%v", err)
	}
	is("one")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(link, text("two")); err != nil {
		t.Fatal(err)
	}
	is("two")
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is none any more: %v", err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("its mode is %v, %v", info.Mode(), err)
	}
	if err := WriteFile(os.DevNull, text("three")); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat("/dev/full"); err == nil {
		if err := WriteFile("/dev/full", text("four")); err == nil || !strings.Contains(err.Error(), "no space") {
			t.Errorf("on a full disk: %v", err)
		}
	}
	for _, bad := range []string{dir, filepath.Join(dir, "absent", "r"), filepath.Join(path, "r")} {
		if WriteFile(bad, text("x")) == nil || Writable(bad) == nil {
			t.Errorf("%s can be written", bad)
		}
	}
	fresh := filepath.Join(dir, "fresh")
	for _, good := range []string{"", path, link, os.DevNull, fresh} {
		if err := Writable(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	if _, err := os.Stat(fresh); err == nil {
		t.Error("the question has made a file")
	}
	is("two")
}
