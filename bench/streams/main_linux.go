package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gannetmcp/gannet/bench/load"
	facts "github.com/gannetmcp/gannet/bench/result"
)

// spareFiles are descriptors that a process needs beside its connections.
const spareFiles = 256

func main() {
	n := flag.Int("n", 19_000, "connections")
	publishes := flag.Int("publishes", 20, "how often to publish, in the mode sse")
	settle := flag.Duration("settle", 5*time.Second, "time between the last connection and the look at the memory")
	mode := flag.String("mode", "sse", "sse: an event stream each; http: kept alive after a ping")
	asJSON := flag.Bool("json", false, "the result as JSON")
	save := flag.String("save", "", "`file` of results, as JSON, to add the result to")
	from := flag.String("from", "", "measure nothing: print the results of this `file`, which -save wrote, as a table")
	server := flag.Bool("server", false, "be the server (what this program starts by itself)")
	profile := flag.String("cpu-profile", "", "`file` for a CPU profile of the server")
	flag.Parse()
	var err error
	switch {
	case flag.NArg() > 0 || *mode != "sse" && *mode != "http" || *n < 1 || *publishes < 0:
		fmt.Fprintln(os.Stderr, "streams: -n is at least 1, -mode sse or http, and there are no arguments; see -help")
		os.Exit(2)
	case *from != "":
		err = printTable(os.Stdout, *from)
	case *server:
		err = serve(*n, *profile)
	default:
		runtime.LockOSThread() // the kernel kills the server with this thread
		err = run(*mode, *n, *publishes, *settle, *asJSON, *profile, *save)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "streams:", err)
		os.Exit(1)
	}
}

func run(mode string, n, publishes int, settle time.Duration, asJSON bool, profile, save string) error {
	r, err := measure(mode, n, publishes, settle, profile)
	if err != nil {
		return err
	}
	if save != "" {
		if err := r.save(save); err != nil {
			return err
		}
	}
	if asJSON {
		return json.NewEncoder(os.Stdout).Encode(r)
	}
	fmt.Printf("%s: %d connections opened in %.1f s\nmemory      %.0f bytes each (%.1f MB, %.1f MB before); idle CPU %.2f %% of a core\n",
		r.Mode, r.Connections, r.OpenSeconds, r.PerConnection, float64(r.RSSOpen)/1e6, float64(r.RSSBase)/1e6, 100*r.IdleCPU)
	if r.Publishes > 0 {
		fmt.Printf("publish     %d times %d bytes to all: %.2f µs of the server's CPU an event, %.0f events/s a core\n"+
			"delivered   p50 %.0f p99 %.0f µs; the last one p50 %.0f max %.0f µs\n",
			r.Publishes, r.EventBytes, r.ServerCPU, r.EventsRate, r.DeliveryP50, r.DeliveryP99, r.LastP50, r.LastMax)
	}
	return nil
}

// measure starts a server and does it all. The calling goroutine is locked to its
// thread, with which the kernel kills the server.
func measure(mode string, n, publishes int, settle time.Duration, profile string) (*result, error) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return nil, err
	}
	if uint64(n+spareFiles) > limit.Cur {
		return nil, fmt.Errorf("%d connections need %d open files, the limit is %d: raise it (ulimit -n), or lower -n", n, n+spareFiles, limit.Cur)
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, "-server", "-n", strconv.Itoa(n), "-cpu-profile", profile)
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := load.StartPinned(cmd, []int{0}); err != nil {
		return nil, err
	}
	defer func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	}()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("the server said no address: %w", err)
	}
	address := strings.TrimSpace(strings.TrimPrefix(line, "http://"))
	c, err := dialClient(address, n)
	if err != nil {
		return nil, err
	}
	defer c.close()
	r := &result{Facts: facts.Gather(os.Args), Mode: mode, Connections: n}
	pid := cmd.Process.Pid
	if c.session, err = c.ask(initialize, ""); err != nil { // what the server needs once
		return nil, err
	}
	r.RSSBase = resident(pid)
	begin := time.Now()
	for i := range n {
		if err := c.open(mode); err != nil {
			return nil, fmt.Errorf("connection %d: %w", i+1, err)
		}
		if i%1000 == 999 {
			fmt.Fprintf(os.Stderr, "streams: %d of %d open\n", i+1, n)
		}
	}
	r.OpenSeconds = time.Since(begin).Seconds()
	before := cpuSeconds(pid)
	time.Sleep(settle)
	if settle > 0 {
		r.IdleCPU = (cpuSeconds(pid) - before) / settle.Seconds()
	}
	r.RSSOpen = resident(pid)
	r.PerConnection = float64(r.RSSOpen-r.RSSBase) / float64(n)
	if mode == "sse" && publishes > 0 {
		if err := c.publish(pid, publishes, r); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// client is one connection to ask on, and those that are held.
type client struct {
	address unix.SockaddrInet4
	host    string
	control net.Conn
	session string // of its requests
	in      *bufio.Reader
	fds     []int
	poll    int
	offset  []int // of what is expected, by descriptor
}

const (
	initialize = `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{}}}`
	subscribe  = `{"jsonrpc":"2.0","id":2,"method":"resources/subscribe","params":{"uri":"` + resource + `"}}`
	ping       = `{"jsonrpc":"2.0","id":3,"method":"ping"}`
	publish    = `{"jsonrpc":"2.0","id":4,"method":"tools/call","params":{"name":"publish"}}`
)

func dialClient(address string, n int) (*client, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	p, err := strconv.Atoi(port)
	if err != nil {
		return nil, err
	}
	c := &client{host: address, offset: make([]int, n+spareFiles)}
	c.address.Port = p
	copy(c.address.Addr[:], net.ParseIP(host).To4())
	if c.control, err = net.Dial("tcp", address); err != nil {
		return nil, err
	}
	c.in = bufio.NewReader(c.control)
	c.poll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	return c, err
}

func (c *client) close() {
	for _, fd := range c.fds {
		_ = unix.Close(fd)
	}
	_ = unix.Close(c.poll)
	_ = c.control.Close()
}

// ask makes a request on the connection to ask on, and returns the session that
// the answer names.
func (c *client) ask(body, session string) (named string, err error) {
	if _, err := c.control.Write(c.request("POST", body, session)); err != nil {
		return "", err
	}
	return readAnswer(c.in)
}

func (c *client) request(method, body, session string) []byte {
	b := fmt.Appendf(nil, "%s /mcp HTTP/1.1\r\nHost: %s\r\nAccept: application/json, text/event-stream\r\n", method, c.host)
	if session != "" {
		b = fmt.Appendf(b, "Mcp-Session-Id: %s\r\n", session)
	}
	if method == "POST" {
		b = fmt.Appendf(b, "Content-Type: application/json\r\nContent-Length: %d\r\n", len(body))
	}
	return append(append(b, "\r\n"...), body...)
}

// readAnswer reads one response with a length, which must be 200 and no error.
func readAnswer(in *bufio.Reader) (session string, err error) {
	length := -1
	for first := true; ; first = false {
		line, err := in.ReadString('\n')
		if err != nil {
			return "", err
		}
		line = strings.TrimSpace(line)
		name, value, _ := strings.Cut(line, ": ")
		switch {
		case first && !strings.HasPrefix(line, "HTTP/1.1 200"):
			return "", errors.New("the server says " + line)
		case name == "Content-Length":
			length, err = strconv.Atoi(value)
			if err != nil {
				return "", err
			}
		case name == "Mcp-Session-Id":
			session = value
		case line == "":
			body := make([]byte, max(0, length))
			if _, err := io.ReadFull(in, body); err != nil {
				return "", err
			}
			if bytes.Contains(body, []byte(`"error"`)) {
				return "", fmt.Errorf("the server answers %s", body)
			}
			return session, nil
		}
	}
}

// open opens one connection more, with a session of its own.
func (c *client) open(mode string) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	c.fds = append(c.fds, fd)
	if err := unix.Connect(fd, &c.address); err != nil {
		return err
	}
	ask, end := c.request("POST", ping, c.session), "}"
	if mode == "sse" {
		session, err := c.ask(initialize, "")
		if err != nil {
			return err
		}
		if _, err := c.ask(subscribe, session); err != nil {
			return err
		}
		ask, end = c.request("GET", "", session), "data: \n\n\r\n" // the event that primes
	}
	if _, err := unix.Write(fd, ask); err != nil {
		return err
	}
	var buf [2048]byte
	for n := 0; !bytes.HasSuffix(buf[:n], []byte(end)); {
		k, err := unix.Read(fd, buf[n:])
		if err != nil || k == 0 {
			return fmt.Errorf("the server says %q: %v", buf[:n], err)
		}
		n += k
	}
	if mode == "http" {
		return nil
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		return err
	}
	return unix.EpollCtl(c.poll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)})
}

// publish has the resource change, times times, and waits for all streams.
func (c *client) publish(pid, times int, r *result) error {
	var all, last []float64
	var cpu float64
	for k := range times + 1 { // the first warms up
		event := fmt.Appendf(nil, "id: 1_%d\nevent: message\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/resources/updated\",\"params\":{\"uri\":%q}}\n\n", k+1, resource)
		want := append(fmt.Appendf(nil, "%x\r\n", len(event)), event...)
		want = append(want, "\r\n"...)
		before, begin := cpuSeconds(pid), time.Now()
		if _, err := c.control.Write(c.request("POST", publish, c.session)); err != nil {
			return err
		}
		times, err := c.await(want, begin)
		if err != nil {
			return fmt.Errorf("publish %d: %w", k+1, err)
		}
		if _, err := readAnswer(c.in); err != nil {
			return err
		}
		if k == 0 {
			continue
		}
		cpu += cpuSeconds(pid) - before
		all, last = append(all, times...), append(last, times[len(times)-1])
		r.EventBytes = len(event)
	}
	slices.Sort(all)
	slices.Sort(last)
	at := func(s []float64, q float64) float64 { return s[min(len(s)-1, int(q*float64(len(s))))] }
	r.Publishes = times
	events := float64(times * r.Connections)
	r.ServerCPU = cpu * 1e6 / events
	if cpu > 0 {
		r.EventsRate = events / cpu
	}
	r.DeliveryP50, r.DeliveryP99 = at(all, 0.5), at(all, 0.99)
	r.LastP50, r.LastMax = at(last, 0.5), last[len(last)-1]
	return nil
}

// await reads want on every stream, and nothing else, and returns when each had
// it, in µs since begin, in their order.
func (c *client) await(want []byte, begin time.Time) ([]float64, error) {
	var times []float64
	var events [512]unix.EpollEvent
	buf := make([]byte, 64<<10)
	clear(c.offset)
	for len(times) < len(c.fds) {
		n, err := unix.EpollWait(c.poll, events[:], 10_000)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return nil, err
		case n == 0:
			return nil, fmt.Errorf("%d of %d streams have got nothing within 10 s", len(c.fds)-len(times), len(c.fds))
		}
		for _, e := range events[:n] {
			fd := int(e.Fd)
			k, err := unix.Read(fd, buf)
			if err == unix.EAGAIN {
				continue
			}
			off := c.offset[fd]
			if err != nil || k == 0 || off+k > len(want) || !bytes.Equal(buf[:k], want[off:off+k]) {
				return nil, fmt.Errorf("a stream got %q behind %q, %v; want %q", buf[:k], want[:off], err, want)
			}
			if c.offset[fd] += k; c.offset[fd] == len(want) {
				times = append(times, float64(time.Since(begin).Nanoseconds())/1e3)
			}
		}
	}
	return times, nil
}

// resident returns the resident memory of a process.
func resident(pid int) int64 {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if f := bytes.Fields(b); len(f) > 1 {
		n, _ := strconv.ParseInt(string(f[1]), 10, 64)
		return n * int64(os.Getpagesize())
	}
	return 0
}

// cpuSeconds returns the CPU time of a process, by its threads' nanoseconds.
func cpuSeconds(pid int) float64 {
	dir := fmt.Sprintf("/proc/%d/task", pid)
	tasks, _ := os.ReadDir(dir)
	sum := 0.0
	for _, t := range tasks {
		b, _ := os.ReadFile(dir + "/" + t.Name() + "/schedstat")
		if f := bytes.Fields(b); len(f) > 0 {
			ns, _ := strconv.ParseFloat(string(f[0]), 64)
			sum += ns / 1e9
		}
	}
	return sum
}
