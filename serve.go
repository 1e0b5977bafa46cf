package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/gannetmcp/gannet/engine/mcp"
	"github.com/gannetmcp/gannet/engine/mcp/fixture"
	"github.com/gannetmcp/gannet/transports"
	"github.com/gannetmcp/gannet/transports/admin"
)

type serveCommand struct{ settings }

// Help is shown below the usage.
func (serveCommand) Help() string {
	return `Examples:
  gannet serve --demo                          TCP, HTTP and a Unix socket on this machine
  gannet serve --demo --listen stdio           for a client that starts the server
  gannet serve --fixture everything --listen stdio   to try a client with
  gannet serve --listen tcp://127.0.0.1:0 --addr-file /tmp/addr
  gannet serve --demo --tls-self-signed        the same and TLS, to try it
  gannet serve --listen https://0.0.0.0:443 --tls-cert cert.pem --tls-key key.pem --http-tokens tokens
  GANNET_LOG_LEVEL=debug gannet serve --config gannet.yaml

SIGINT and SIGTERM drain: calls in flight are answered, for --shutdown-grace at
most. A second signal ends at once. SIGHUP has the files of --tls-cert read again,
if they are named: connections stay.`
}

// Run serves until a signal or the end of standard input.
func (c *serveCommand) Run(std *streams) error {
	log := c.logger(std)
	o, err := c.options(log)
	if err != nil {
		return err
	}
	o.Stdin = std.in
	if f, ok := std.out.(*os.File); ok {
		o.Stdout = f
	}
	if len(c.Listen) == 0 {
		if err := makeSocketFolder(); err != nil {
			return &exitError{exitListen, err}
		}
	}
	if c.CPUProfile != "" {
		stop, err := startProfile(c.CPUProfile)
		if err != nil {
			return err
		}
		defer stop()
	}
	if c.ContentionProfile {
		runtime.SetBlockProfileRate(int(blockEvery))
		runtime.SetMutexProfileFraction(mutexOneIn)
	}
	onHTTP, err := c.http()
	if err != nil {
		return err
	}
	srv := mcp.NewServer(mcp.Options{Name: c.Name, Version: buildVersion().Version, Logger: log, HTTP: onHTTP})
	if c.Demo {
		fixture.AddDemo(srv)
	}
	switch {
	case c.Fixture == "everything":
		everything := fixture.AddEverything(srv)
		ctx, stop := context.WithCancel(context.Background())
		defer stop()
		go everything.Run(ctx)
	case !c.Demo:
		log.Warn("no tools: this binary has none of its own but those of --demo and --fixture; embed the packages to serve yours")
	}
	ops := admin.NewOperations()
	if c.admin() != "" {
		srv.Use(ops.Middleware)
	}
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	defer signal.Stop(signals)
	signal.Ignore(syscall.SIGPIPE) // a peer that went away is an error of one write

	l, err := transports.Listen(srv, o)
	if err != nil {
		return &exitError{exitListen, fmt.Errorf("%w (--listen says what to serve)", err)}
	}
	stopAdmin, err := c.serveAdmin(l, ops, log)
	if err != nil {
		_ = l.Close()
		return &exitError{exitListen, err}
	}
	defer stopAdmin()
	if c.AddrFile != "" {
		if err := writeAddrFile(c.AddrFile, l.Addrs()); err != nil {
			_ = l.Close()
			return err
		}
		defer func() { _ = os.Remove(c.AddrFile) }()
	}
	// Nothing but MCP may reach standard output where that is a listener.
	out := std.out
	if slices.Contains(l.Addrs(), "stdio") {
		out = std.err
	}
	c.announce(out, l.Addrs())
	c.tellOfTLS(l, log)
	defer c.reloadOnHangup(l, log)()
	return serveUntil(l, signals, c.settings, std)
}

// serveAdmin serves the operator's pages.
func (c *serveCommand) serveAdmin(l *transports.Server, ops *admin.Operations, log *slog.Logger) (stop func(), err error) {
	address := c.admin()
	if address == "" {
		return func() {}, nil
	}
	ln, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("--admin %s: %w (--admin says where, none switches it off)", address, err)
	}
	s := admin.NewServer(admin.Handler(l, ops))
	go func() {
		if err := s.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			log.Error("the admin listener has ended", "error", err)
		}
	}()
	log.Info("admin pages", "url", "http://"+ln.Addr().String()+"/metrics")
	return func() { _ = s.Close() }, nil
}

// serveUntil waits for the end: of the server's own accord, or by a signal.
func serveUntil(l *transports.Server, signals <-chan os.Signal, s settings, std *streams) error {
	ended := make(chan error, 1)
	go func() { ended <- l.Wait() }()
	select {
	case err := <-ended:
		return exitOf(err)
	case sig := <-signals:
		fmt.Fprintf(std.err, "gannet: %v: draining for %v at most; a second signal ends at once\n", sig, s.ShutdownGrace)
	}
	drained := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), s.ShutdownGrace)
		defer cancel()
		drained <- l.Shutdown(ctx)
	}()
	select {
	case err := <-drained:
		return exitOf(err)
	case sig := <-signals:
		return &exitError{exitFailed, fmt.Errorf("%v again: ended at once, %d calls unanswered", sig, l.Engine().Snapshot().InFlight)}
	}
}

func exitOf(err error) error {
	switch {
	case errors.Is(err, transports.ErrGraceExpired):
		return &exitError{exitGrace, err}
	case errors.Is(err, transports.ErrServerClosed):
		return nil
	}
	return err
}

// makeSocketFolder makes the folder of the default Unix socket, where it is
// ours to make.
func makeSocketFolder() error {
	dir := socketFolder()
	if dir == os.Getenv("XDG_RUNTIME_DIR") {
		return nil
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("no folder for the default Unix socket: %w (--listen says what to serve)", err)
	}
	// Somebody else may have made it, in a folder that all can write to.
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !info.IsDir() || info.Mode().Perm() != 0o700 || !ok || int(st.Uid) != os.Getuid() {
		return fmt.Errorf("%s is not a folder of this user's alone (mode 0700); remove it, or say --listen unix:///PATH", dir)
	}
	return nil
}

// writeAddrFile writes the addresses in one step, so that who waits for the
// file never sees half of it.
func writeAddrFile(path string, urls []string) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".gannet-addr-*")
	if err != nil {
		return fmt.Errorf("--addr-file: %w", err)
	}
	_, err = f.WriteString(strings.Join(urls, "\n") + "\n")
	if err = errors.Join(err, f.Chmod(0o644), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return fmt.Errorf("--addr-file: %w", err)
	}
	return nil
}

// What --contention-profile samples: one wait for each so much time waited, and
// one lock in so many that were contended.
const (
	blockEvery = 10 * time.Microsecond
	mutexOneIn = 10
)

// startProfile writes a CPU profile until stop is called.
func startProfile(path string) (stop func(), err error) {
	f, err := os.Create(path)
	if err == nil {
		err = pprof.StartCPUProfile(f)
	}
	if err != nil {
		return nil, fmt.Errorf("--cpu-profile: %w", err)
	}
	return func() { pprof.StopCPUProfile(); _ = f.Close() }, nil
}

// announce prints what is served and how to make a first call.
func (c *serveCommand) announce(w io.Writer, urls []string) {
	for _, u := range urls {
		fmt.Fprintln(w, "listening", u)
	}
	for _, u := range urls {
		if line := firstCall(u, c.Demo); line != "" {
			fmt.Fprintf(w, "\nA first call, to paste into another terminal:\n  %s\n\nCtrl-C drains and stops.\n", line)
			return
		}
	}
}

// firstCall returns a shell command that sends one request to a listener, ends
// its input and prints the answer; "" where there is none.
func firstCall(listener string, demo bool) string {
	const meta = `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}`
	request := `{"jsonrpc":"2.0","id":1,"method":"server/discover","params":{` + meta + `}}`
	if demo {
		request = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"text":"hello"},` + meta + `}}`
	}
	u, err := url.Parse(listener)
	if err != nil {
		return ""
	}
	if _, err := exec.LookPath("nc"); err == nil {
		half := "-N " // OpenBSD's nc shuts its sending half down only if told to
		if runtime.GOOS == "darwin" {
			half = ""
		}
		switch u.Scheme {
		case "tcp":
			return fmt.Sprintf(`printf '%%s\n' '%s' | nc %s%s %s`, request, half, u.Hostname(), u.Port())
		case "unix":
			return fmt.Sprintf(`printf '%%s\n' '%s' | nc %s-U '%s'`, request, half, u.Path)
		}
		return ""
	}
	if u.Scheme == "tcp" {
		return fmt.Sprintf(`bash -c 'exec 3<>/dev/tcp/%s/%s && printf "%%s\n" "$1" >&3 && head -n 1 <&3' - '%s'`, u.Hostname(), u.Port(), request)
	}
	return ""
}
