package transports

import (
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const tcpKeepIdle = unix.TCP_KEEPALIVE

var linuxTCPOptions []struct {
	name string
	o    TCPOptions
	opt  int
	want int
}

// What the system does not have is an error that says so.
func TestLinuxOnly(t *testing.T) {
	for name, o := range map[string]TCPOptions{
		"UserTimeout":  {UserTimeout: time.Second},
		"NotSentLowat": {NotSentLowat: 1 << 10},
	} {
		s, err := Listen(service{}, Options{TCP: o, Listeners: []Listener{{URL: "tcp://127.0.0.1:0"}}})
		if err == nil {
			_ = s.Close()
			t.Errorf("%s: no error", name)
		} else if !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "Linux") {
			t.Errorf("%s: error %q", name, err)
		}
	}
}
