package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// start runs a floor until the test ends and returns its address as net.Dial
// wants it.
func start(t testing.TB, addr, mode string, loops int) (network, address string) {
	t.Helper()
	stop, bound, ended := make(chan os.Signal, 1), make(chan string, 1), make(chan error, 1)
	go func() { ended <- run(addr, mode, loops, func(a string) { bound <- a }, stop) }()
	t.Cleanup(func() {
		stop <- os.Interrupt
		select {
		case err := <-ended:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(10 * time.Second):
			t.Error("does not stop")
		}
	})
	select {
	case a := <-bound:
		network, address, ok := strings.Cut(a, "://")
		if !ok || strings.HasSuffix(address, ":0") {
			t.Fatalf("bound to %q", a)
		}
		return network, address
	case <-time.After(10 * time.Second):
		t.Fatal("does not start")
	}
	return "", ""
}

func dial(t testing.TB, network, address string) net.Conn {
	t.Helper()
	c, err := net.Dial(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestEcho(t *testing.T) {
	long := strings.Repeat("x", 300_000) // several readable events
	for _, c := range []struct {
		addr, mode string
		loops      int
	}{
		{"127.0.0.1:0", "line", 1},
		{"127.0.0.1:0", "raw", 1},
		{"127.0.0.1:0", "line", 2},
		{"unix://" + filepath.Join(t.TempDir(), "s"), "line", 1},
	} {
		t.Run(fmt.Sprintf("%.4s/%s/loops=%d", c.addr, c.mode, c.loops), func(t *testing.T) {
			network, address := start(t, c.addr, c.mode, c.loops)
			conn := dial(t, network, address)
			for _, in := range []string{"a\n", "\n", "one\ntwo\nthree\n", long + "\n", long + "\nshort\n" + long + "\n"} {
				go func() { _, _ = io.WriteString(conn, in) }() // a failure shows in the read
				got := make([]byte, len(in))
				if _, err := io.ReadFull(conn, got); err != nil || string(got) != in {
					t.Fatalf("%d bytes came back as %d, %v", len(in), len(got), err)
				}
			}
		})
	}
}

// TestLineWaits checks that part of a line is held back, byte by byte, until
// the line is whole.
func TestLineWaits(t *testing.T) {
	network, address := start(t, "127.0.0.1:0", "line", 1)
	conn := dial(t, network, address)
	const line = "in pieces\n"
	for i := range len(line) - 1 {
		if _, err := io.WriteString(conn, line[i:i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if n, err := conn.Read(make([]byte, 1)); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("part of a line is echoed: %d, %v", n, err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, "\n"); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(line))
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != line {
		t.Fatalf("%q, %v", got, err)
	}
}

func TestUsage(t *testing.T) {
	for _, c := range []struct {
		addr, mode string
		loops      int
	}{
		{"127.0.0.1:0", "words", 1},
		{"127.0.0.1:0", "", 1},
		{"127.0.0.1", "line", 1},
		{"", "line", 1},
		{"127.0.0.1:0", "line", 0},
	} {
		err := run(c.addr, c.mode, c.loops, func(a string) { t.Errorf("bound %s", a) }, nil)
		var usage usageError
		if !errors.As(err, &usage) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = busy.Close() }()
	if err := run(busy.Addr().String(), "line", 1, func(a string) { t.Errorf("bound %s", a) }, nil); err == nil {
		t.Error("a busy port is no error")
	}
}

// A floor on a port that the kernel picks, and one line echoed.
func Example_run() {
	stop, bound := make(chan os.Signal, 1), make(chan string, 1)
	ended := make(chan error, 1)
	go func() { ended <- run("127.0.0.1:0", "line", 1, func(a string) { bound <- a }, stop) }()
	conn, err := net.Dial("tcp", strings.TrimPrefix(<-bound, "tcp://"))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Fprintln(conn, "hello")
	var word string
	_, err = fmt.Fscanln(conn, &word)
	fmt.Println(word, err)
	_ = conn.Close()
	stop <- os.Interrupt
	fmt.Println(<-ended)
	// Output:
	// hello <nil>
	// <nil>
}
