package transports

import "github.com/gannetmcp/gannet/transports/tlsconn"

// sealer encrypts: a tlsconn.Session, or a client's sealedConn.
type sealer interface {
	// Seal encrypts p into the output.
	Seal(p []byte) error
	// Output is ciphertext that is not sent, Sent says how much of it is now.
	Output() []byte
	Sent(n int)
}

// sealBelow is how much ciphertext may wait for the kernel when more is made, so
// that it goes in one write.
const sealBelow = 16 << 10

// writeSealed is Wire.Write with TLS: it encrypts p and writes what the kernel
// takes to fd. Of ciphertext not more than 64 KiB, or what the sealer itself has to
// say beside it, waits.
//
// The engine calls again for as long as not all of p is taken, and only then. So
// while ciphertext waits, not all is: one byte that has been encrypted is owed to
// the engine, which has it at the front of p the next time. (It is the last of a
// message; the engine lets others overtake only those of which nothing was taken.)
// progress says that the kernel has taken something, whatever n says.
func writeSealed(s sealer, fd int, owed *int, p []byte) (n int, progress bool, err error) {
	n, *owed = *owed, 0
	for {
		if waiting := len(s.Output()); n < len(p) && waiting < sealBelow {
			k := min(len(p)-n, tlsconn.SealMax-waiting)
			if err := s.Seal(p[n : n+k]); err != nil {
				return 0, progress, err
			}
			n += k
		}
		out, k := s.Output(), 0
		if len(out) > 0 {
			if k, err = writeFD(fd, out); err != nil {
				return 0, progress, err
			}
			progress = progress || k > 0
			s.Sent(k)
		}
		switch {
		case k < len(out):
			if n == len(p) {
				n, *owed = n-1, 1
			}
			return n, progress, nil
		case n == len(p):
			return n, progress, nil
		}
	}
}
