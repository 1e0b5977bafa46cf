package tlsconn

import (
	"crypto/tls"
	"sync/atomic"
	"time"
)

// Bounds are the upper bounds, in seconds, of the buckets that handshakes are
// counted in by the time they took.
var Bounds = [...]float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10}

// Suites are the cipher suites that have a counter of their own; all others
// share the last one.
var Suites = [...]uint16{
	tls.TLS_AES_128_GCM_SHA256, tls.TLS_AES_256_GCM_SHA384, tls.TLS_CHACHA20_POLY1305_SHA256,
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
	0,
}

// Versions are the versions that have a counter of their own; all others share
// the last one.
var Versions = [...]uint16{tls.VersionTLS13, tls.VersionTLS12, 0}

// Stats are counters of handshakes, as Gate.Stats has them. Safe from any
// goroutine.
type Stats struct {
	done      [len(Versions)][len(Suites)]atomic.Uint64
	failed    [NumFailures]atomic.Uint64
	resumed   atomic.Uint64
	truncated atomic.Uint64
	buckets   [len(Bounds) + 1]atomic.Uint64
	nanos     atomic.Int64
}

// Snapshot is Stats at one moment. The counters are not taken at one instant.
type Snapshot struct {
	Done      uint64                             // handshakes that led to a connection
	By        [len(Versions)][len(Suites)]uint64 // of these, by what was agreed on
	Failed    [NumFailures]uint64                // those that did not, by Failure
	Resumed   uint64                             // of Done, those that went on with an earlier session
	Truncated uint64                             // connections whose peer ended them without close_notify
	Buckets   [len(Bounds) + 1]uint64            // Done by duration, see Bounds
	Duration  time.Duration                      // of all of Done together, the peers' part included
}

// Snapshot returns the counters.
func (s *Stats) Snapshot() (now Snapshot) {
	for v := range s.done {
		for c := range s.done[v] {
			n := s.done[v][c].Load()
			now.By[v][c] = n
			now.Done += n
		}
	}
	for i := range s.failed {
		now.Failed[i] = s.failed[i].Load()
	}
	for i := range s.buckets {
		now.Buckets[i] = s.buckets[i].Load()
	}
	now.Resumed, now.Truncated, now.Duration = s.resumed.Load(), s.truncated.Load(), time.Duration(s.nanos.Load())
	return now
}

// add counts a handshake that led to a connection.
func (s *Stats) add(version, suite uint16, resumed bool, took time.Duration) {
	s.done[indexOf(Versions[:], version)][indexOf(Suites[:], suite)].Add(1)
	if resumed {
		s.resumed.Add(1)
	}
	i := 0
	for i < len(Bounds) && took.Seconds() > Bounds[i] {
		i++
	}
	s.buckets[i].Add(1)
	s.nanos.Add(int64(took))
}

// indexOf returns where id is in list, the last place if it is not there.
func indexOf(list []uint16, id uint16) int {
	for i, x := range list {
		if x == id {
			return i
		}
	}
	return len(list) - 1
}
