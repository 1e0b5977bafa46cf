package admin

import (
	"crypto/tls"
	"fmt"
	"strconv"

	"github.com/gannetmcp/gannet/transports"
	"github.com/gannetmcp/gannet/transports/tlsconn"
)

// handshakes writes the counters of TLS. Of versions and suites only those have a
// line that some client has come to: there are thirty.
func (m *metrics) handshakes(s *transports.Snapshot) {
	t := &s.TLS
	m.one("gannet_tls_handshakes_in_flight", "gauge", "Handshakes under way now.", s.Handshakes)
	m.one("gannet_tls_resumed_total", "counter", "Handshakes that went on with an earlier session.", t.Resumed)
	m.one("gannet_tls_truncated_total", "counter", "Connections whose client ended them without close_notify.", t.Truncated)
	m.head("gannet_tls_handshakes_failed_total", "counter", "Handshakes that led to nothing, by reason.")
	for f := range t.Failed {
		fmt.Fprintf(m.w, "gannet_tls_handshakes_failed_total{reason=%q} %d\n", tlsconn.Failure(f).String(), t.Failed[f])
	}
	m.head("gannet_tls_handshakes_total", "counter", "Handshakes that led to a connection, by what was agreed on.")
	for v := range t.By {
		for c, n := range t.By[v] {
			if n > 0 {
				fmt.Fprintf(m.w, "gannet_tls_handshakes_total{version=%q,cipher=%q} %d\n", versionName(tlsconn.Versions[v]), suiteName(tlsconn.Suites[c]), n)
			}
		}
	}
	const name = "gannet_tls_handshake_duration_seconds"
	m.head(name, "histogram", "Duration of handshakes, from the client's first record, its part included.")
	sum := uint64(0)
	for i, n := range t.Buckets {
		sum += n
		le := "+Inf"
		if i < len(tlsconn.Bounds) {
			le = strconv.FormatFloat(tlsconn.Bounds[i], 'g', -1, 64)
		}
		fmt.Fprintf(m.w, "%s_bucket{le=%q} %d\n", name, le, sum)
	}
	fmt.Fprintf(m.w, "%s_sum %g\n%s_count %d\n", name, t.Duration.Seconds(), name, sum)
}

func versionName(v uint16) string {
	switch v {
	case tls.VersionTLS13:
		return "1.3"
	case tls.VersionTLS12:
		return "1.2"
	}
	return other
}

func suiteName(id uint16) string {
	if id == 0 {
		return other
	}
	return tls.CipherSuiteName(id)
}
