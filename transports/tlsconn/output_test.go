package tlsconn

import (
	"bytes"
	"crypto/tls"
	"io"
	"testing"
)

// What is sealed within a turn is one output.
func TestWritesOfATurn(t *testing.T) {
	r := newRig(t, GateOptions{})
	o := r.owner()
	o.data = func(o *owner, plain []byte) {
		for range 50 {
			if err := o.s.Seal(bytes.Repeat([]byte("s"), 700)); err != nil {
				t.Error(err)
			}
		}
	}
	o.start()
	c := o.dial(r.client())
	_, _ = c.Write([]byte("go"))
	if _, err := io.ReadFull(c, make([]byte, 50*700)); err != nil {
		t.Fatal(err)
	}
	o.finish()
	// The handshake's own, tickets among them, come before.
	if o.writes > 3 {
		t.Errorf("%d writes", o.writes)
	}
}

// A peer that reads all the time, but never all there is, does not make the output
// grow by what it has read.
func TestOutputOfSlowPeer(t *testing.T) {
	r := newRig(t, GateOptions{})
	o := r.owner()
	most := make(chan int, 1)
	o.data = func(o *owner, plain []byte) {
		o.send()
		largest, message := 0, make([]byte, 50_000)
		for range 200 {
			if err := o.s.Seal(message); err != nil {
				t.Error(err)
			}
			out := o.s.Output()
			n := len(out) - 10_000 // the rest waits
			_, _ = o.end.in.Write(out[:n])
			o.s.Sent(n)
			largest = max(largest, cap(o.s.out))
		}
		most <- largest
	}
	o.start()
	c := o.dial(r.client())
	_, _ = c.Write([]byte("go"))
	if n := <-most; n > 128<<10 {
		t.Errorf("a buffer of %d bytes for the 60,000 that wait", n)
	}
	if _, err := io.ReadFull(c, make([]byte, 200*50_000)); err != nil {
		t.Error(err)
	}
	o.finish()
}

// Nothing of a size up to SealMax becomes more than 64 KiB, on any suite.
func TestSealMax(t *testing.T) {
	for _, config := range []*tls.Config{{MaxVersion: tls.VersionTLS13}, {MaxVersion: tls.VersionTLS12}, {MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256}}} {
		r := newRig(t, GateOptions{})
		o := r.owner()
		size := make(chan int, 1)
		o.data = func(o *owner, plain []byte) {
			o.send()
			if err := o.s.Seal(make([]byte, SealMax)); err != nil {
				t.Error(err)
			}
			size <- len(o.s.Output())
		}
		o.start()
		config.RootCAs, config.ServerName = r.roots, "localhost"
		c := o.dial(config)
		_, _ = c.Write([]byte("go"))
		if n := <-size; n > 64<<10 || n < SealMax {
			t.Errorf("%d bytes became %d", SealMax, n)
		}
		o.finish()
	}
}
