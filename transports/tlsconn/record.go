package tlsconn

// A record is a header of five bytes, type, version and length, and as many
// bytes as that says (RFC 8446, section 5.1).
const (
	headerLen     = 5
	maxCiphertext = 16384 + 2048 // RFC 5246, section 6.2.3; TLS 1.3 has less
	maxPlaintext  = 16384

	typeAlert     = 21
	typeHandshake = 22
	typeHello     = 1 // of a handshake message
)

// recordAt returns the length of the record at b[0], header included: 0 if it is
// not whole yet. One that is too long, or of no version of TLS, counts as whole
// with its header, which is all that crypto/tls needs to refuse it.
func recordAt(b []byte) int {
	if len(b) < headerLen {
		return 0
	}
	n := int(b[3])<<8 | int(b[4])
	switch {
	case n > maxCiphertext, b[1] != 3:
		return headerLen
	case len(b) < headerLen+n:
		return 0
	}
	return headerLen + n
}

// wholeRecords returns the length of the records at the beginning of b that are
// whole, max bytes at most, and how many they are. A single record always fits.
func wholeRecords(b []byte, max int) (size, count int) {
	for {
		n := recordAt(b[size:])
		if n == 0 || count > 0 && size+n > max {
			return size, count
		}
		size += n
		count++
	}
}

// missing returns how many bytes more the record at b[0], which is not whole,
// needs at least to be so: up to the end of its header where that is not there.
func missing(b []byte) int {
	if len(b) < headerLen {
		return headerLen - len(b)
	}
	return headerLen + (int(b[3])<<8 | int(b[4])) - len(b)
}

// judgeHello looks at the first bytes of a connection, as many as there are. A
// record with a ClientHello has none of the failures; whole reports that all of
// it is there. What cannot be one is refused by its first wrong byte.
func judgeHello(b []byte) (whole bool, why Failure) {
	switch {
	case len(b) > 0 && b[0] != typeHandshake, len(b) > 1 && b[1] != 3:
		return false, FailedNotTLS
	case len(b) < headerLen:
		return false, notFailed
	}
	n := int(b[3])<<8 | int(b[4])
	switch {
	case n == 0 || n > maxPlaintext, len(b) > headerLen && b[headerLen] != typeHello:
		return false, FailedNotTLS
	}
	return len(b) >= headerLen+n, notFailed
}

// Alerts that are sent before there is a tls.Conn to send them (RFC 8446,
// section 6).
const (
	alertUnexpectedMessage = 10
	alertProtocolVersion   = 70
	alertInternalError     = 80
)

// appendAlert appends a record with a fatal alert in the clear.
func appendAlert(dst []byte, alert byte) []byte {
	return append(dst, typeAlert, 3, 1, 0, 2, 2, alert)
}

// AppendRefusal appends what a peer is told that there is no room for, before its
// handshake: the alert internal_error, since TLS has none that says so.
func AppendRefusal(dst []byte) []byte { return appendAlert(dst, alertInternalError) }

// alertFor returns what is said to a peer whose first byte is no ClientHello's.
// With the top bit set it may be that of SSL 2 (RFC 5246, appendix E.2).
func alertFor(first byte) byte {
	if first&0x80 != 0 {
		return alertProtocolVersion
	}
	return alertUnexpectedMessage
}
