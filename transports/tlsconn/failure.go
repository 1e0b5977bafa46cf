package tlsconn

import "errors"

// Failure is why a handshake came to nothing.
type Failure uint8

// The reasons.
const (
	FailedNotTLS    Failure = iota // the peer's first bytes are no ClientHello
	FailedHandshake                // crypto/tls refused what the peer said, or the peer what we said
	FailedBusy                     // as many handshakes were in flight as there may be; it came last, or waited longest
	FailedTimeout                  // the deadline passed
	FailedGone                     // the peer went away
	FailedInput                    // the peer sent more than is kept before its handshake is over
	// NumFailures is how many there are.
	NumFailures

	notFailed = NumFailures
)

var failureNames = [NumFailures]string{"not_tls", "handshake", "busy", "timeout", "gone", "input"}

// String returns the name that metrics have.
func (f Failure) String() string {
	if f < NumFailures {
		return failureNames[f]
	}
	return "none"
}

// Errors that Session.Err returns beside those of crypto/tls.
var (
	// ErrNotTLS says that the peer's first bytes are no ClientHello.
	ErrNotTLS = errors.New("tlsconn: the peer does not speak TLS")
	// ErrBusy says that the Gate had no room for another handshake.
	ErrBusy = errors.New("tlsconn: too many handshakes in flight")
	// ErrInput says that the peer sent more than Options.MaxHandshakeBytes before
	// its handshake was over, or more than the budget had room for.
	ErrInput = errors.New("tlsconn: too much came before the handshake was over")
	// ErrPanic is wrapped by what a function of the tls.Config has panicked with.
	ErrPanic = errors.New("tlsconn: a function of the tls.Config has panicked")
	// ErrOutput says that the peer has our side answer and does not read it.
	ErrOutput = errors.New("tlsconn: the peer does not read what it asks for")
)
