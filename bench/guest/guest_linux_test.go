package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The bytes of an archive are those that the format's description asks for.
func TestArchive(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "x"), []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	a := &archive{w: &b}
	a.add("bin", directory, 0, nil)
	a.addFile("bin/x", filepath.Join(dir, "x"), executable)
	if err := a.close(); err != nil {
		t.Fatal(err)
	}
	zeros := func(n int) string { return strings.Repeat("00000000", n) }
	want := "070701" + "00000001" + "000041ED" + zeros(2) + "00000002" + zeros(6) + "00000004" + zeros(1) + "bin\x00" + "\x00\x00" +
		"070701" + "00000002" + "000081ED" + zeros(2) + "00000001" + zeros(1) + "00000005" + zeros(4) + "00000006" + zeros(1) + "bin/x\x00" + "hello" + "\x00\x00\x00" +
		"070701" + "00000003" + "00000000" + zeros(2) + "00000001" + zeros(6) + "0000000B" + zeros(1) + "TRAILER!!!\x00" + "\x00\x00\x00"
	if b.String() != want {
		t.Errorf("%q\nwanted\n%q", b.String(), want)
	}

	a = &archive{w: &b}
	a.addFile("y", filepath.Join(dir, "y"), plain)
	if err := a.close(); !os.IsNotExist(err) {
		t.Errorf("a file that is not there: %v", err)
	}
	a = &archive{w: &b}
	a.add("z", plain, 1<<32, nil)
	if a.close() == nil {
		t.Error("a file beyond the format was taken")
	}
	a = &archive{w: &b}
	a.add("z", plain, 5, strings.NewReader("1234"))
	if a.close() == nil {
		t.Error("a file that became shorter was taken")
	}
}

func TestParseReply(t *testing.T) {
	good := "boot\r\n" + strings.ReplaceAll(replyBegin+`{"exit":3,"file":"aGk="}`+"\n"+replyEnd, "\n", "\r\n")
	r, err := parseReply([]byte(good))
	if err != nil || r.Exit != 3 || string(r.File) != "hi" || r.Failure != "" {
		t.Errorf("%+v, %v", r, err)
	}
	for name, bad := range map[string]string{
		"nothing":     "",
		"a panic":     "Kernel panic - not syncing\r\n",
		"no end":      replyBegin + `{"exit":0}`,
		"no begin":    `{"exit":0}` + "\n" + replyEnd,
		"cut object":  replyBegin + `{"exit":` + "\n" + replyEnd,
		"another way": replyEnd + `{"exit":0}` + "\n" + replyBegin,
	} {
		if r, err := parseReply([]byte(bad)); err == nil {
			t.Errorf("%s: taken for %+v", name, r)
		}
	}
}

// What is missing is said before anything is started.
func TestRunWithout(t *testing.T) {
	c := hostCommand{Emulator: "no-such-emulator", Command: []string{"true"}}
	if _, err := c.run(); err == nil || !strings.Contains(err.Error(), "qemu-system-x86") {
		t.Errorf("no emulator: %v", err)
	}
	c = hostCommand{Emulator: "true", Bring: []string{filepath.Join(t.TempDir(), "none")}, Command: []string{"true"}}
	if _, err := c.run(); !os.IsNotExist(err) {
		t.Errorf("no program: %v", err)
	}
	c.Bring = nil
	c.Timeout = 1e10
	if _, err := c.run(); err == nil {
		t.Error("an emulator that says nothing was taken")
	}
}
