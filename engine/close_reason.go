package engine

// CloseReason says why a connection ended. It reaches the Observer, the
// counters and the log.
type CloseReason uint8

// The reasons.
const (
	CloseNone         CloseReason = iota
	ClosePeer                     // the peer closed, everything it asked for was answered
	CloseReset                    // the peer reset the connection or a read or write failed
	CloseIdle                     // nothing came within the idle time
	CloseHandshake                // no complete message came within the handshake time
	CloseReadTimeout              // the peer stopped in the middle of a message
	CloseSlowReader               // output or held input passed its bound, or no byte was taken in time
	CloseBudget                   // the process was over its byte budget and this connection held most
	CloseProtocol                 // the transport's own framing was violated
	CloseRefused                  // the service refused it, or the connection limit was reached
	CloseDrained                  // the engine drains and the connection had nothing left to do
	CloseForced                   // the engine was closed with work in flight
	CloseLocal                    // the application asked for it
	ClosePing                     // the peer did not answer the transport's pings
	closeReasonsCount int         = iota
)

var closeReasonNames = [closeReasonsCount]string{
	"none", "peer", "reset", "idle", "handshake", "read_timeout", "slow_reader",
	"budget", "protocol", "refused", "drained", "forced", "local", "ping_timeout",
}

// String returns the reason's name as it stands in logs and metrics.
func (r CloseReason) String() string {
	if int(r) < len(closeReasonNames) {
		return closeReasonNames[r]
	}
	return "unknown"
}
