//go:build !linux

package load

import "os/exec"

// StartPinned returns ErrLinuxOnly and starts nothing.
func StartPinned(*exec.Cmd, []int) error { return ErrLinuxOnly }

// Run returns ErrLinuxOnly, or the fault in o that would keep it from running on
// Linux too.
func Run(o Options) (*Result, error) {
	o = o.withDefaults()
	if err := o.validate(); err != nil {
		return nil, err
	}
	return nil, ErrLinuxOnly
}
