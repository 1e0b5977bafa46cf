package transports

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// unixPathMax is the longest path of a socket in bytes, the terminating NUL
// apart: what connect and bind have room for.
const unixPathMax = len(unix.RawSockaddrUnix{}.Path) - 1

// listenUnix opens the listener's Unix socket at path, readable and writable by its owner
// only. A socket that nobody answers on any more is taken over; a live one, or
// anything that is no socket, is left alone.
func (l *listener) listenUnix(u, path string) error {
	if n := len(path); n > unixPathMax {
		return fmt.Errorf("transports: %s: the path is too long: %d bytes, a socket's may have %d; choose a shorter one", u, n, unixPathMax)
	}
	if err := clearStale(u, path); err != nil {
		return err
	}
	// The socket is made in a private folder beside its place, given its
	// mode, and renamed: at no moment can another user connect to it. (A umask
	// would do the same for the whole process, other goroutines' files too.)
	dir, err := os.MkdirTemp(filepath.Dir(path), ".g")
	if err != nil {
		return listenError(u, err)
	}
	defer os.RemoveAll(dir)
	tmp := filepath.Join(dir, "s")
	if n := len(tmp); n > unixPathMax {
		return fmt.Errorf("transports: %s: the folder's path is too long: a socket's may have %d bytes, and making it needs %d; choose a shorter one", u, unixPathMax, n)
	}
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: tmp, Net: "unix"})
	if err != nil {
		return listenError(u, err)
	}
	ln.SetUnlinkOnClose(false)
	if err = os.Chmod(tmp, 0o600); err == nil {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		_ = ln.Close()
		return listenError(u, err)
	}
	mine, err := os.Lstat(path)
	if err != nil {
		_ = ln.Close()
		return listenError(u, err)
	}
	l.ln, l.url = ln, u
	l.cleanup = func() {
		// Removed only while it is still ours: a successor may have taken over.
		if now, err := os.Lstat(path); err == nil && os.SameFile(mine, now) {
			_ = os.Remove(path)
		}
	}
	return nil
}

// clearStale removes a dead socket at path, and reports what else is there.
func clearStale(u, path string) error {
	fi, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return listenError(u, err)
	}
	if fi.Mode()&os.ModeSocket == 0 {
		return fmt.Errorf("transports: %s: there is a file that is no socket; remove it or choose another path", u)
	}
	c, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		_ = c.Close()
		return listenError(u, syscall.EADDRINUSE)
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("transports: %s: cannot tell whether the socket there is in use: %w", u, err)
	}
	return os.Remove(path)
}
