package subject

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/gannetmcp/gannet/bench/load"
)

// The test binary is a server: it says its addresses as gannet does, and waits.
func TestMain(m *testing.M) {
	mode := os.Getenv("GANNET_SUBJECT_TEST")
	if mode == "" {
		os.Exit(m.Run())
	}
	if mode == "fail" {
		fmt.Fprintln(os.Stderr, "level=ERROR msg=\"no such thing\"")
		os.Exit(3)
	}
	var file string
	var listen []string
	for i, a := range os.Args[:len(os.Args)-1] {
		switch next := os.Args[i+1]; a {
		case "--addr-file":
			file = next
		case "--listen":
			listen = append(listen, next)
		case "--admin":
			if next != "none" {
				fmt.Fprintln(os.Stderr, `level=INFO msg="admin pages" url=http://127.0.0.1:9/metrics`)
			}
		}
	}
	fmt.Fprintln(os.Stderr, "level=WARN msg=beware\nlevel=ERROR msg=help")
	if err := os.WriteFile(file, []byte(strings.Join(listen, "\n")+"\n"), 0o600); err != nil {
		os.Exit(1)
	}
	_, _ = os.Stdin.Read(make([]byte, 1)) // /dev/null: at once
	select {}
}

func TestStart(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip(load.ErrLinuxOnly)
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	s, err := Start(Options{Program: self, Listen: []string{"tcp://127.0.0.1:0", Unix}, Admin: true, Env: []string{"GANNET_SUBJECT_TEST=serve"}, Stderr: &log})
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Addresses) != 2 || !strings.HasPrefix(s.Addresses[1], "unix:///") || s.Admin != "http://127.0.0.1:9" || syscall.Kill(s.PID, 0) != nil {
		t.Errorf("%+v", s)
	}
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
	if syscall.Kill(s.PID, 0) == nil {
		t.Error("the server lives on")
	}
	if _, err := os.Stat(s.dir); !os.IsNotExist(err) {
		t.Errorf("its folder is left: %v", err)
	}
	if got := log.String(); got != "level=ERROR msg=help\n" {
		t.Errorf("its log: %q", got)
	}
	if _, err := Start(Options{Program: self, Listen: []string{"tcp://127.0.0.1:0"}, Env: []string{"GANNET_SUBJECT_TEST=fail"}}); err == nil || !strings.Contains(err.Error(), "no such thing") {
		t.Errorf("a server that fails: %v", err)
	}
	if _, err := Start(Options{Program: "/nonexistent/gannet", Listen: []string{"tcp://127.0.0.1:0"}}); err == nil {
		t.Error("no program")
	}
}

// Where it listens is left out of what a server says, in whatever pieces it says it.
func TestWithoutAddress(t *testing.T) {
	var out bytes.Buffer
	w := WithoutAddress(&out)
	for _, piece := range []string{"listen", "ing stdio\nlevel=ERROR msg=help\ngannet: ", "no such tool\nlistening stdio\n"} {
		if n, err := w.Write([]byte(piece)); n != len(piece) || err != nil {
			t.Fatal(n, err)
		}
	}
	if got := out.String(); got != "level=ERROR msg=help\ngannet: no such tool\n" {
		t.Errorf("%q", got)
	}
}
