package transports

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"testing"
	"time"
)

const newcomerEnv = "GANNET_TEST_NEWCOMER"

// Who connects while others keep the loops moderately busy is served at once: in
// far less than the 10 ms in which the runtime looks at its own poller then. The
// server is another process, which does nothing else.
func TestNewcomer(t *testing.T) {
	if raced {
		t.Skip("a matter of time")
	}
	if os.Getenv(newcomerEnv) != "" {
		s, err := Listen(service{}, Options{Loops: 2, Listeners: []Listener{{URL: "tcp://127.0.0.1:0"}}})
		if err != nil {
			t.Fatal(err)
		}
		stop := make(chan os.Signal, 1)
		signal.Notify(stop, os.Interrupt)
		fmt.Println(s.Addrs()[0])
		select {
		case <-stop:
		case <-time.After(time.Minute): // nobody is there to stop it
		}
		_ = s.Close()
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestNewcomer$")
	cmd.Env = append(os.Environ(), newcomerEnv+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Signal(os.Interrupt)
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}()
	addr := strings.TrimPrefix(readLine(t, bufio.NewReader(out)), "tcp://")
	const limit, n = 3 * time.Millisecond, 150
	late := newcomers(t, addr, n, limit)
	if late > n/4 { // where the machine is busy with other things, some are
		t.Errorf("%d of %d new clients were served later than %v", late, n, limit)
	}
}

// newcomers connects n times while four other connections ask some three thousand
// times a second, and returns how often the first answer took longer than limit.
func newcomers(t *testing.T, addr string, n int, limit time.Duration) (late int) {
	const rush = 300 * time.Millisecond // after which the runtime's poller is often left alone
	ask := func(c net.Conn, in *bufio.Reader) {
		_, err := io.WriteString(c, req(1, "echo", ""))
		if err == nil {
			_, err = in.ReadString('\n')
		}
		if err != nil {
			t.Error(err)
		}
	}
	connect := func() (net.Conn, *bufio.Reader) {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		return c, bufio.NewReader(c)
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	for range 4 {
		c, in := connect()
		go func() {
			defer func() { _ = c.Close(); stopped <- struct{}{} }()
			for rushed := time.Now().Add(rush); time.Now().Before(rushed); {
				ask(c, in)
			}
			tick := time.NewTicker(4 * time.Second / 3000)
			defer tick.Stop()
			for {
				select {
				case <-tick.C:
					ask(c, in)
				case <-stop:
					return
				}
			}
		}()
	}
	begun := time.Now()
	for n > 0 {
		time.Sleep(10 * time.Millisecond)
		begin := time.Now()
		c, in := connect()
		ask(c, in)
		if time.Since(begun) > rush {
			n--
			if time.Since(begin) > limit {
				late++
			}
		}
		_ = c.Close()
	}
	close(stop)
	for range 4 {
		<-stopped
	}
	return late
}
