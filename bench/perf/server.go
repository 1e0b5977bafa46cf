package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/gannetmcp/gannet/bench/load"
)

// Longest waits for a server: to say its address, and to end when told to.
const (
	serverStart = 10 * time.Second
	serverStop  = 10 * time.Second
)

// server is the program that --spawn starts.
func (c *connsCommand) server() string {
	if c.Server != "" {
		return c.Server
	}
	return besideThis("gannet")
}

// besideThis is the path of a program in the folder of this one.
func besideThis(name string) string {
	self, err := os.Executable()
	if err != nil {
		return name
	}
	return filepath.Join(filepath.Dir(self), name)
}

// startServer starts a gannet on loopback and returns its address. The calling
// goroutine is locked to its thread.
func startServer(program, addrFile string) (*exec.Cmd, string, error) {
	cmd := exec.Command(program, "serve", "--demo", "--listen", "tcp://127.0.0.1:0", "--addr-file", addrFile, "--admin", "none")
	cmd.Env = append(os.Environ(), "GANNET_LOG_LEVEL=error")
	cmd.Stderr = os.Stderr
	if err := load.StartPinned(cmd, nil); err != nil {
		return nil, "", fmt.Errorf("%w (--server says which program to start)", err)
	}
	for deadline := time.Now().Add(serverStart); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if b, err := os.ReadFile(addrFile); err == nil {
			address, _, _ := strings.Cut(string(b), "\n")
			return cmd, address, nil
		}
	}
	return cmd, "", fmt.Errorf("%s said no address within %v", program, serverStart)
}

// stopServer ends a server that startServer has started.
func stopServer(cmd *exec.Cmd) {
	_ = cmd.Process.Signal(syscall.SIGTERM) // fails if it is gone
	timer := time.AfterFunc(serverStop, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	_ = cmd.Wait()
}
