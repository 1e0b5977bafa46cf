// Command gannet serves the Model Context Protocol on standard input, TCP, TLS, HTTP,
// WebSocket and Unix sockets.
//
//	gannet serve --demo                              demo tools on loopback
//	gannet serve --listen stdio --demo               for a client that starts it
//	gannet check-config --config gannet.yaml         what is in force, and why
//
// Exit codes: 0 done; 1 failed, or ended at once by a second signal; 2 usage or
// configuration; 3 could not listen; 5 the grace of a drain expired.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/alecthomas/kong"
)

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2 // usage or configuration
	exitListen = 3 // could not listen
	exitGrace  = 5 // the grace of a drain expired
)

// exitError is an error with the code that the process ends with.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

func usageError(format string, args ...any) error {
	return &exitError{exitUsage, fmt.Errorf(format, args...)}
}

// commands is the command line.
type commands struct {
	Serve       serveCommand       `cmd:"" help:"Serve MCP until interrupted."`
	CheckConfig checkConfigCommand `cmd:"" name:"check-config" help:"Print the configuration in force and where each value comes from."`
	Version     versionCommand     `cmd:"" help:"Print the version."`
	Completion  completionCommand  `cmd:"" help:"Print a shell completion script."`
}

// streams are the process's standard streams.
type streams struct {
	in       *os.File
	out, err io.Writer
}

func main() {
	os.Exit(run(os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr}))
}

// run runs one command and returns the exit code.
func run(args []string, std streams) int {
	var cmds commands
	exited := -1
	file := &configFile{}
	app, err := kong.New(&cmds,
		kong.Name("gannet"),
		kong.Description("An MCP engine: serves the Model Context Protocol over stdio, TCP, HTTP, WebSocket and Unix sockets, with TLS or without.\n\n"+
			"Examples:\n"+
			"  gannet serve --demo\n"+
			"  gannet serve --demo --listen tcp://127.0.0.1:7600 --listen unix:///run/gannet.sock\n"+
			"  gannet check-config --config gannet.yaml\n\n"+
			"Flags win over GANNET_* environment variables, these over the file, the file over defaults."),
		kong.Writers(std.out, std.err),
		kong.Exit(func(code int) { exited = code; panic(errExit) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.Resolvers(file),
		defaults,
	)
	if err != nil {
		fmt.Fprintln(std.err, "gannet:", err)
		return exitFailed
	}
	var ctx *kong.Context
	if code, done := catchExit(&exited, func() { ctx, err = app.Parse(args) }); done {
		return code
	}
	if err != nil {
		var pe *kong.ParseError
		hint := "gannet --help"
		if errors.As(err, &pe) && pe.Context != nil && pe.Context.Command() != "" {
			hint = "gannet " + pe.Context.Command() + " --help"
		}
		fmt.Fprintf(std.err, "gannet: %v\nTry: %s\n", err, hint)
		return exitUsage
	}
	err = ctx.Run(&std, ctx, file, app)
	var ee *exitError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &ee):
		fmt.Fprintln(std.err, "gannet:", err)
		return ee.code
	}
	fmt.Fprintln(std.err, "gannet:", err)
	return exitFailed
}

// errExit unwinds from kong's own way out, which --help takes.
var errExit = errors.New("exit")

func catchExit(code *int, f func()) (exit int, done bool) {
	defer func() {
		if r := recover(); r != nil {
			if r != errExit {
				panic(r)
			}
			exit, done = *code, true
		}
	}()
	f()
	return 0, false
}
