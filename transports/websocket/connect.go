package websocket

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strconv"
)

// Handshake is a client's: one for each connection. The zero Handshake is not
// ready; use Connect.
type Handshake struct {
	key     []byte
	deflate bool
}

// maxResponse bounds the head of a server's answer, in bytes.
const maxResponse = 32 << 10

// ResponseError is a server's answer that does not lead to a WebSocket.
type ResponseError struct {
	Status int    // of HTTP, 0 if the answer is none
	Reason string // what is wrong
	Head   []byte // what the server has answered, without its body
}

// Error returns status and reason.
func (e *ResponseError) Error() string {
	if e.Status == 0 {
		return "websocket: the answer to the handshake " + e.Reason
	}
	return fmt.Sprintf("websocket: the server answers %d: %s", e.Status, e.Reason)
}

// Connect begins a client's handshake: it appends the request for a target, such as
// "/ws", at a host, as the field Host has it. header are further whole field lines,
// each ended by CR LF.
func (l *Loop) Connect(dst []byte, host, target, header string) ([]byte, *Handshake) {
	var nonce [16]byte
	_, _ = rand.Read(nonce[:]) // never fails
	h := &Handshake{key: base64.StdEncoding.AppendEncode(nil, nonce[:]), deflate: l.opts.CompressMin > 0}
	dst = append(append(append(dst, "GET "...), target...), " HTTP/1.1\r\nHost: "...)
	dst = append(append(dst, host...), "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "...)
	dst = append(append(dst, h.key...), "\r\nSec-WebSocket-Protocol: "+Subprotocol+"\r\n"...)
	if h.deflate {
		dst = append(dst, "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n"...)
	}
	return append(append(dst, header...), "\r\n"...), h
}

// Read reads the server's answer from the front of b, which has all that has come,
// and returns its length; 0: more has to come. Behind the answer frames begin. The error
// is a *ResponseError.
func (h *Handshake) Read(b []byte) (n int, a Agreed, err error) {
	end := bytes.Index(b, []byte("\r\n\r\n"))
	if end < 0 {
		if len(b) >= maxResponse {
			return 0, Agreed{}, &ResponseError{Reason: "has a head without end"}
		}
		if k := min(len(b), len("HTTP/1.1 ")); string(b[:k]) != "HTTP/1.1 "[:k] {
			return 0, Agreed{}, &ResponseError{Reason: "is not HTTP/1.1"}
		}
		return 0, Agreed{}, nil
	}
	n = end + len("\r\n\r\n")
	a, status, reason := h.judge(b[:end+2])
	if reason != "" {
		return n, Agreed{}, &ResponseError{Status: status, Reason: reason, Head: bytes.Clone(b[:n])}
	}
	return n, a, nil
}

// judge reads the head, every line of it ended by CR LF (RFC 6455 §4.1).
func (h *Handshake) judge(head []byte) (a Agreed, status int, reason string) {
	line, head, _ := bytes.Cut(head, []byte("\r\n"))
	const prefix = "HTTP/1.1 "
	if len(line) < len(prefix)+3 || string(line[:len(prefix)]) != prefix {
		return a, 0, "is not HTTP/1.1"
	}
	code, phrase := line[len(prefix):len(prefix)+3], bytes.TrimSpace(line[len(prefix)+3:])
	status, err := strconv.Atoi(string(code))
	if err != nil || status < 100 || len(line) > len(prefix)+3 && line[len(prefix)+3] != ' ' || !printable(line) {
		return a, 0, "is not HTTP/1.1"
	}
	if status != 101 {
		if len(phrase) == 0 {
			phrase = code
		}
		return a, status, strconv.Quote(string(phrase))
	}
	var upgrade, connection bool
	var accepts, protocols int
	for len(head) > 0 {
		line, head, _ = bytes.Cut(head, []byte("\r\n"))
		name, value, ok := bytes.Cut(line, []byte(":"))
		if t, rest := token(name); !ok || len(t) == 0 || len(rest) > 0 || !printable(value) {
			return a, status, "a malformed field"
		}
		value = bytes.Trim(value, " \t")
		switch {
		case sameFold(name, "upgrade"):
			upgrade = upgrade || listed(value, "websocket")
		case sameFold(name, "connection"):
			connection = connection || listed(value, "upgrade")
		case sameFold(name, "sec-websocket-accept"):
			if accepts++; accepts > 1 || !bytes.Equal(value, appendAccept(nil, h.key)) {
				return a, status, "Sec-WebSocket-Accept is not that of our key"
			}
		case sameFold(name, "sec-websocket-protocol"):
			if protocols++; protocols > 1 || string(value) != Subprotocol {
				return a, status, "a subprotocol other than " + Subprotocol
			}
		case sameFold(name, "sec-websocket-extensions"):
			if a.Deflate || !h.chosen(value, &a) {
				return a, status, "an extension that was not offered: " + strconv.Quote(string(value))
			}
		}
	}
	if !upgrade || !connection || accepts == 0 {
		return a, status, "Upgrade, Connection or Sec-WebSocket-Accept is missing"
	}
	return a, status, ""
}

// printable reports whether b has no control characters, but tabs.
func printable(b []byte) bool {
	for _, c := range b {
		if c < ' ' && c != '\t' || c == 0x7F {
			return false
		}
	}
	return true
}

// chosen reads the extension that a server has chosen (RFC 7692 §7.1): what we
// offered, and nothing more.
func (h *Handshake) chosen(value []byte, a *Agreed) bool {
	var o offer
	_, more, ok := o.next(value)
	if !ok || more || !o.deflate || !h.deflate || !o.serverNoContext || o.clientBits != 0 || o.clientBitsAny {
		return false
	}
	*a = Agreed{Deflate: true}
	return true
}
