//go:build !linux

package load

import (
	"os/exec"
	"time"
)

// StartPinned returns ErrLinuxOnly and starts nothing.
func StartPinned(*exec.Cmd, []int) error { return ErrLinuxOnly }

// Run returns ErrLinuxOnly, or the fault in o that would keep it from running on
// Linux too.
func Run(o Options) (*Result, error) {
	_, err := Open(o)
	return nil, err
}

// A life is nothing here.
type life struct{}

// A Session is nothing here: Open returns none.
type Session struct{}

// An Exit is how a session ended.
type Exit struct {
	Child    string
	TearDown *Latency
	Closing  string
}

// Open returns ErrLinuxOnly, or the fault in o.
func Open(o Options) (*Session, error) {
	o = o.withDefaults()
	if err := o.validate(); err != nil {
		return nil, err
	}
	return nil, ErrLinuxOnly
}

// Measure returns ErrLinuxOnly.
func (*Session) Measure(Plan) (*Result, error) { return nil, ErrLinuxOnly }

// Hold returns ErrLinuxOnly.
func (*Session) Hold(time.Duration) (Errors, error) { return Errors{}, ErrLinuxOnly }

// Conns is 0.
func (*Session) Conns() int { return 0 }

// SetUp is "".
func (*Session) SetUp() string { return "" }

// ResidentMemory returns ErrLinuxOnly.
func ResidentMemory(int) (int64, error) { return 0, ErrLinuxOnly }

// Answered is 0.
func (*Session) Answered() int64 { return 0 }

// Close does nothing.
func (*Session) Close() Exit { return Exit{} }

// Pin returns ErrLinuxOnly, unless nothing is to be pinned.
func Pin(cpus []int) (release func() error, err error) {
	if cpus == nil {
		return func() error { return nil }, nil
	}
	return nil, ErrLinuxOnly
}

// WatchServer returns ErrLinuxOnly: it reads /proc.
func WatchServer(int) (end func(messages int64) (*Server, error), err error) {
	return nil, ErrLinuxOnly
}
