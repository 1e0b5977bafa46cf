package tlsconn

import (
	"bytes"
	"crypto/tls"
	"testing"
)

// talk has a client send messages of these sizes, which come back. What is fed is
// overwritten when it has been taken in.
func talk(t *testing.T, r *rig, version uint16, sizes ...int) *Session {
	t.Helper()
	o := r.owner().start()
	config := r.client()
	config.MinVersion, config.MaxVersion = version, version
	c := o.dial(config)
	for i, size := range sizes {
		exchange(t, c, bytes.Repeat([]byte{byte('a' + i)}, size))
	}
	o.finish()
	return o.s
}

// crypto/tls holds no input of a connection at rest, however large the records were.
// If this fails it has changed: a connection holds more again, and an event with data
// allocates, or lend.go is not needed any more.
func TestLend(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS13, tls.VersionTLS12} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			s := talk(t, newRig(t, GateOptions{}), version, 1, 300, 16384, 200_000, 5)
			if rawInputOf(s.conn) == nil {
				t.Fatal("there is no such buffer")
			}
			if n := rawInputOf(s.conn).Cap(); n != 0 {
				t.Errorf("a buffer of %d bytes is left", n)
			}
			if n := inputOf(s.conn).Size(); n != 0 {
				t.Errorf("a record of %d bytes is left", n)
			}
		})
	}
}

// A crypto/tls without those fields, or with others of their names, is given the same
// by Read of its net.Conn.
func TestLendNot(t *testing.T) {
	if fieldOf[bytes.Reader]("rawInput") != 0 || fieldOf[bytes.Buffer]("rawOutput") != 0 {
		t.Error("a field of another type, or of none, is taken for one")
	}
	raw, hand := rawInputAt, handAt
	rawInputAt, handAt = 0, 0
	defer func() { rawInputAt, handAt = raw, hand }()
	for _, version := range []uint16{tls.VersionTLS13, tls.VersionTLS12} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			talk(t, newRig(t, GateOptions{}), version, 1, 300, 16384, 200_000, 5)
		})
	}
}

// What has not been read yet is neither replaced nor dropped.
func TestLendBehind(t *testing.T) {
	c := tls.Server(end{newDuct(), newDuct()}, &tls.Config{})
	if !takeBack(c) || !lend(c, []byte("two")) || lend(c, []byte("more")) || takeBack(c) {
		t.Error("what was lent is not what is there")
	}
	if got := rawInputOf(c).String(); got != "two" {
		t.Errorf("%q is there", got)
	}
	inputOf(c).Reset([]byte("x"))
	rawInputOf(c).Next(3)
	if takeBack(c) {
		t.Error("plaintext that nobody has read was dropped")
	}
	if dropInput(c); !takeBack(c) {
		t.Error("something is left")
	}
}
