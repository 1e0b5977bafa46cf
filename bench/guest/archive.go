package main

import (
	"fmt"
	"io"
	"os"
)

// An archive writes an initial file system in the cpio format "newc", the one
// that kernels unpack (Documentation/driver-api/early-userspace/buffer-format).
type archive struct {
	w     io.Writer
	n     int64 // bytes written
	inode int
	err   error
}

// Modes of its entries: st_mode of stat(2).
const (
	directory  = 0o040755
	executable = 0o100755
	plain      = 0o100644
)

// add writes one entry of size bytes, which body has.
func (a *archive) add(name string, mode uint32, size int64, body io.Reader) {
	if size >= 1<<32 {
		a.fail(fmt.Errorf("%s: %d bytes are more than the format has room for", name, size))
		return
	}
	a.inode++
	links := 1
	if mode == directory {
		links = 2
	}
	a.write(fmt.Appendf(nil, "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%s\x00",
		a.inode, mode, 0, 0, links, 0, size, 0, 0, 0, 0, len(name)+1, 0, name))
	a.pad()
	if a.err == nil && size > 0 {
		n, err := io.CopyN(a.w, body, size)
		a.n += n
		a.fail(err)
	}
	a.pad()
}

// addFile adds the file of that path under a name.
func (a *archive) addFile(name, path string, mode uint32) {
	f, err := os.Open(path)
	if err != nil {
		a.fail(err)
		return
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		a.fail(err)
		return
	}
	a.add(name, mode, info.Size(), f)
}

// close ends the archive and says whether all of it was written.
func (a *archive) close() error {
	a.add("TRAILER!!!", 0, 0, nil)
	return a.err
}

func (a *archive) pad() { a.write(make([]byte, (4-a.n%4)%4)) }

func (a *archive) write(b []byte) {
	if a.err != nil {
		return
	}
	n, err := a.w.Write(b)
	a.n += int64(n)
	a.err = err
}

func (a *archive) fail(err error) {
	if a.err == nil {
		a.err = err
	}
}
