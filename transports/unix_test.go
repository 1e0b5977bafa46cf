package transports

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestUnix(t *testing.T) {
	path := socketPath(t)
	s := start(t, Options{}, "unix://"+path)
	fi, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	if fi.Mode()&os.ModeSocket == 0 || fi.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, want a socket of mode 0600", fi.Mode())
	}
	if names, _ := os.ReadDir(filepath.Dir(path)); len(names) != 1 {
		t.Errorf("%d files beside the socket", len(names)-1)
	}
	p := dial(t, s)
	p.send(req(1, "echo", `{"a":1}`))
	p.want(res(1, `{"a":1}`))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is still there: %v", err)
	}
}

// What lies at the path decides whether it is taken over.
func TestUnixPathTaken(t *testing.T) {
	dead := func(t *testing.T, path string) {
		ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
		if err != nil {
			t.Fatal(err)
		}
		ln.SetUnlinkOnClose(false)
		_ = ln.Close()
	}
	for _, tc := range []struct {
		name  string
		lay   func(t *testing.T, path string)
		want  string // part of the error; empty: taken over
		is    error
		stays bool
	}{
		{name: "nothing", lay: func(*testing.T, string) {}},
		{name: "dead socket", lay: dead},
		{name: "live socket", lay: func(t *testing.T, path string) {
			ln, err := net.Listen("unix", path)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = ln.Close() })
		}, want: "in use", is: syscall.EADDRINUSE, stays: true},
		{name: "file", lay: func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte("dear diary"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, want: "no socket", stays: true},
		{name: "folder", lay: func(t *testing.T, path string) {
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
		}, want: "no socket", stays: true},
		{name: "link to a file", lay: func(t *testing.T, path string) {
			if err := os.WriteFile(path+".real", []byte("dear diary"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(path+".real", path); err != nil {
				t.Fatal(err)
			}
		}, want: "no socket", stays: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			path := socketPath(t)
			tc.lay(t, path)
			before, _ := os.Lstat(path)
			if tc.want == "" {
				s := start(t, Options{}, "unix://"+path)
				othersServed(t, s)
				return
			}
			s, err := Listen(service{}, Options{Listeners: []Listener{{URL: "unix://" + path}}})
			if err == nil {
				_ = s.Close()
				t.Fatal("taken over")
			}
			if !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("error %q names neither %q nor the path", err, tc.want)
			}
			if tc.is != nil && !errors.Is(err, tc.is) {
				t.Errorf("error %v is no %v", err, tc.is)
			}
			if after, _ := os.Lstat(path); tc.stays && (after == nil || !os.SameFile(before, after)) {
				t.Error("what was there is gone")
			}
		})
	}
}

// A socket that a successor has put in the place of ours is the successor's.
func TestUnixRemovedOnlyIfOurs(t *testing.T) {
	path := socketPath(t)
	s := start(t, Options{}, "unix://"+path)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	successor := start(t, Options{}, "unix://"+path)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	othersServed(t, successor)
}

func TestUnixBadPath(t *testing.T) {
	dir := filepath.Dir(socketPath(t))
	for _, tc := range []struct{ name, path, want string }{
		{"no such folder", filepath.Join(dir, "none", "s"), "no such file"},
		{"too long", filepath.Join(dir, strings.Repeat("x", 120)), "too long"},
		{"file as a folder", filepath.Join(dir, "f", "s"), "not a directory"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.name == "file as a folder" {
				if err := os.WriteFile(filepath.Join(dir, "f"), nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			s, err := Listen(service{}, Options{Listeners: []Listener{{URL: "unix://" + tc.path}}})
			if err == nil {
				_ = s.Close()
				t.Fatal("no error")
			}
			if !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), tc.path) {
				t.Errorf("error %q; want %q in it, and the path", err, tc.want)
			}
		})
	}
}
