package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/alecthomas/kong"
)

// hostCommand starts the guest.
type hostCommand struct {
	Kernel   string        `help:"Kernel image, with drivers for a serial console and loopback built in." required:"" placeholder:"PATH"`
	Emulator string        `help:"The emulator." default:"qemu-system-x86_64"`
	Accel    string        `help:"How it runs: tcg emulates, kvm needs /dev/kvm." default:"tcg"`
	CPUs     int           `help:"Processors of the guest." default:"2"`
	Memory   int           `help:"Its memory, in MiB." default:"4096"`
	Files    uint64        `help:"Open files that a process in it may have." default:"200000"`
	Bring    []string      `help:"Static programs that it is to have, as /bin/NAME." placeholder:"PATH"`
	Fetch    string        `help:"File that the command leaves in the guest, to be fetched." placeholder:"PATH"`
	Out      string        `help:"Where it goes; standard output if none." placeholder:"FILE"`
	Timeout  time.Duration `help:"Longest time that all may take." default:"30m"`
	Command  []string      `arg:"" help:"The command, after --." placeholder:"-- COMMAND ARG…"`
}

// A task is what the guest is told to do.
type task struct {
	Command []string `json:"command"`
	Fetch   string   `json:"fetch,omitempty"`
	Files   uint64   `json:"files"`
}

// Where the guest finds its task, and what it begins and ends its reply with on
// its second serial line, whose end is that of the emulator otherwise.
const (
	taskFile   = "/task.json"
	replyBegin = "-----BEGIN GUEST REPLY-----\n"
	replyEnd   = "-----END GUEST REPLY-----\n"
)

// A reply is what comes out of the guest.
type reply struct {
	Failure string `json:"failure,omitempty"` // of the guest itself
	Exit    int    `json:"exit"`              // of the command
	File    []byte `json:"file,omitempty"`
}

func main() {
	if os.Getpid() == 1 {
		guest() // does not return
	}
	var c hostCommand
	kong.Parse(&c, kong.Name("guest"), kong.Description("Run a static program in a Linux guest under emulation."), kong.UsageOnError())
	r, err := c.run()
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, "guest:", err)
		os.Exit(1)
	case r.Exit != 0:
		fmt.Fprintf(os.Stderr, "guest: the command ended with %d\n", r.Exit)
		os.Exit(r.Exit)
	}
}

// run makes the file system, runs the guest and takes what it says.
func (c *hostCommand) run() (*reply, error) {
	if _, err := exec.LookPath(c.Emulator); err != nil {
		return nil, fmt.Errorf("%w; Debian has it in qemu-system-x86", err)
	}
	dir, err := os.MkdirTemp("", "gannet-guest-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	root, said := filepath.Join(dir, "initrd"), filepath.Join(dir, "reply")
	if err := c.fileSystem(root); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), c.Timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.Emulator, "-accel", c.Accel, "-cpu", "max", "-smp", fmt.Sprint(c.CPUs), "-m", fmt.Sprint(c.Memory),
		"-kernel", c.Kernel, "-initrd", root, "-append", "console=ttyS0 quiet panic=-1 mitigations=off",
		"-display", "none", "-monitor", "none", "-no-reboot", "-nodefaults", "-serial", "stdio", "-serial", "file:"+said)
	var console bytes.Buffer
	cmd.Stdout = io.MultiWriter(os.Stderr, &console)
	cmd.Stderr = cmd.Stdout
	err = cmd.Run()
	if ctx.Err() != nil {
		return nil, fmt.Errorf("the guest took longer than %v", c.Timeout)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Emulator, err)
	}
	b, err := os.ReadFile(said)
	if err != nil {
		return nil, err
	}
	r, err := parseReply(b)
	if err != nil {
		return nil, err
	}
	if r.Failure != "" {
		return nil, errors.New("in the guest: " + r.Failure)
	}
	if c.Fetch == "" || len(r.File) == 0 {
		return r, nil
	}
	if c.Out == "" {
		_, err = os.Stdout.Write(r.File)
		return r, err
	}
	return r, os.WriteFile(c.Out, r.File, 0o644)
}

// fileSystem writes the initial file system of the guest.
func (c *hostCommand) fileSystem(path string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	a := &archive{w: f}
	for _, d := range []string{"bin", "dev", "proc", "sys", "tmp"} {
		a.add(d, directory, 0, nil)
	}
	a.addFile("init", self, executable)
	for _, p := range c.Bring {
		a.addFile("bin/"+filepath.Base(p), p, executable)
	}
	order, err := json.Marshal(task{Command: c.Command, Fetch: c.Fetch, Files: c.Files})
	if err != nil {
		return err
	}
	a.add(strings.TrimPrefix(taskFile, "/"), plain, int64(len(order)), bytes.NewReader(order))
	if err := a.close(); err != nil {
		return err
	}
	return f.Close()
}

// parseReply finds the reply in what the serial line carried, which has made
// carriage returns of its own.
func parseReply(b []byte) (*reply, error) {
	b = bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n"))
	_, rest, begun := bytes.Cut(b, []byte(replyBegin))
	body, _, ended := bytes.Cut(rest, []byte(replyEnd))
	if !begun || !ended {
		return nil, errors.New("the guest ended without a reply; the console above says why")
	}
	r := new(reply)
	if err := json.Unmarshal(body, r); err != nil {
		return nil, fmt.Errorf("the reply of the guest: %w", err)
	}
	return r, nil
}
