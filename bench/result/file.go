package result

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// WriteFile has write fill a file. What was there before stays until all of the new is
// written, so that a full disk costs no older result. Pipes and devices, and files in
// folders that nothing can be added to, are written to as they are.
func WriteFile(path string, write func(io.Writer) error) error {
	var b bytes.Buffer
	if err := write(&b); err != nil {
		return err
	}
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() || err != nil && !errors.Is(err, fs.ErrNotExist) {
		return os.WriteFile(path, b.Bytes(), 0o666)
	}
	part := path + ".part"
	f, err1 := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666)
	if err1 != nil {
		return os.WriteFile(path, b.Bytes(), 0o666)
	}
	_, err1 = f.Write(b.Bytes())
	if err == nil {
		err1 = errors.Join(err1, f.Chmod(info.Mode().Perm()))
	}
	if err1 = errors.Join(err1, f.Close()); err1 == nil {
		err1 = os.Rename(part, path)
	}
	if err1 != nil {
		_ = os.Remove(part)
	}
	return err1
}

// Writable says what keeps WriteFile from writing a file, before time is spent on what
// is to be in it; nil is nothing, as far as can be told. "" is no file.
func Writable(path string) error {
	if path == "" {
		return nil
	}
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		return nil // opening it might wait for a reader
	}
	f, err1 := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o666)
	if err1 != nil {
		return fmt.Errorf("the result could not be written: %w", err1)
	}
	if err1 := f.Close(); err1 != nil || err == nil {
		return err1
	}
	return os.Remove(path)
}
