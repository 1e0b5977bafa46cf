package load

import (
	"bufio"
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// serverFrame is a frame of a server.
func serverFrame(first byte, payload string) string {
	b := []byte{first}
	switch n := len(payload); {
	case n > 0xFFFF:
		b = binary.BigEndian.AppendUint64(append(b, 127), uint64(n))
	case n > 125:
		b = binary.BigEndian.AppendUint16(append(b, 126), uint16(n))
	default:
		b = append(b, byte(n))
	}
	return string(b) + payload
}

// readFrame reads a frame of a client, which must be masked.
func readFrame(r *bufio.Reader) (first byte, payload []byte, err error) {
	var head [14]byte
	if _, err := io.ReadFull(r, head[:2]); err != nil {
		return 0, nil, err
	}
	if head[1]&0x80 == 0 {
		return 0, nil, errors.New("no mask")
	}
	n := uint64(head[1] & 0x7F)
	switch n {
	case 126:
		_, _ = io.ReadFull(r, head[2:4])
		n = uint64(binary.BigEndian.Uint16(head[2:]))
	case 127:
		_, _ = io.ReadFull(r, head[2:10])
		n = binary.BigEndian.Uint64(head[2:])
	}
	key, b := head[10:], make([]byte, n)
	if _, err = io.ReadFull(r, key); err == nil {
		_, err = io.ReadFull(r, b)
	}
	for i := range b {
		b[i] ^= key[i%4]
	}
	return head[0], b, err
}

// frameServer is a server of WebSocket with no knowledge of ours, before serveLines.
type frameServer struct {
	t      *testing.T
	accept func(key string) string      // what the handshake is answered by
	write  func(n int, m string) string // the frames of the message number n
	mu     sync.Mutex
	pongs  int
	closed int // clients that took leave
}

func (s *frameServer) serve(c net.Conn) {
	in := bufio.NewReader(c)
	r, err := http.ReadRequest(in)
	if err != nil {
		return
	}
	if r.Header.Get("Sec-WebSocket-Version") != "13" || r.URL.Path != "/ws" || r.Header.Get("X-Test") != "1" {
		s.t.Errorf("handshake %v", r)
	}
	if _, err := io.WriteString(c, s.accept(r.Header.Get("Sec-WebSocket-Key"))); err != nil {
		return
	}
	// Frames become lines on the way in, and lines frames on the way out.
	lines, toLines := io.Pipe()
	fromLines, replies := io.Pipe()
	var wg sync.WaitGroup
	wg.Go(func() {
		defer func() { _ = toLines.Close() }()
		for {
			first, b, err := readFrame(in)
			if err != nil {
				return
			}
			switch first {
			case frameText:
				_, _ = toLines.Write(append(b, '\n'))
			case framePong:
				s.mu.Lock()
				s.pongs++
				s.mu.Unlock()
			case frameClose:
				s.mu.Lock()
				s.closed++
				s.mu.Unlock()
				return
			default:
				s.t.Errorf("a frame %x %q", first, b)
			}
		}
	})
	wg.Go(func() {
		serveLines(lines, replies, nil)
		_ = replies.Close()
	})
	out, n := bufio.NewReader(fromLines), 0
	for {
		m, err := out.ReadString('\n')
		if err != nil {
			break
		}
		if _, err := io.WriteString(c, s.write(n, strings.TrimSuffix(m, "\n"))); err != nil {
			break
		}
		n++
	}
	_ = lines.Close()
	_ = fromLines.Close()
	_ = c.Close()
	wg.Wait()
}

// shaken is the answer to a handshake that succeeds.
func shaken(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: " + base64.StdEncoding.EncodeToString(sum[:]) + "\r\n\r\n"
}

// What servers do with frames, and what that counts as.
func TestWebSocketFrames(t *testing.T) {
	whole := func(_ int, m string) string { return serverFrame(frameText, m) }
	at := func(k int, f func(m string) string) func(int, string) string {
		return func(n int, m string) string {
			if n == k {
				return f(m)
			}
			return serverFrame(frameText, m)
		}
	}
	for _, tc := range []struct {
		name  string
		write func(int, string) string
		good  func(r *Result) bool
	}{
		{"as it should be", whole, func(r *Result) bool { return r.ErrorTotal == 0 && r.Answered == 200 }},
		{"fragments and pings", func(n int, m string) string {
			return serverFrame(0x01, m[:n%len(m)]) + serverFrame(framePing, "x") + serverFrame(0x00, "") + serverFrame(0x80, m[n%len(m):]) + serverFrame(framePong, "")
		}, func(r *Result) bool { return r.ErrorTotal == 0 && r.Answered == 200 }},
		{"another payload", at(20, func(m string) string { return serverFrame(frameText, strings.Replace(m, "gannet", "tennag", 1)) }),
			func(r *Result) bool { return r.Errors.Payload == 2 }},
		{"no JSON", at(20, func(string) string { return serverFrame(frameText, "x") }), func(r *Result) bool { return r.Errors.Malformed == 2 }},
		{"a mask", at(20, func(string) string { return "\x81\x80\x00\x00\x00\x00" }), func(r *Result) bool { return r.Errors.Framing == 2 }},
		{"a reserved bit", at(20, func(m string) string { return serverFrame(0xC1, m) }), func(r *Result) bool { return r.Errors.Framing == 2 }},
		{"binary", at(20, func(m string) string { return serverFrame(0x82, m) }), func(r *Result) bool { return r.Errors.Framing == 2 }},
		{"a lone continuation", at(20, func(m string) string { return serverFrame(0x80, m) }), func(r *Result) bool { return r.Errors.Framing == 2 }},
		{"2^62 bytes", at(20, func(string) string { return "\x81\x7f\x40\x00\x00\x00\x00\x00\x00\x00x" }), func(r *Result) bool { return r.Errors.Framing == 2 }},
		{"closes", at(20, func(string) string { return serverFrame(frameClose, "\x03\xe9") }), func(r *Result) bool { return r.Errors.Closed == 2 }},
	} {
		for _, size := range []int{200, 100_000} {
			t.Run(fmt.Sprintf("%s/%d", tc.name, size), func(t *testing.T) {
				s := &frameServer{t: t, accept: shaken, write: tc.write}
				addr := listen(t, "tcp", "127.0.0.1:0", s.serve)
				r := runBounded(t, Options{Target: "ws://" + addr.String(), Headers: []string{"X-Test: 1"}, Method: MethodCall, Size: size, Conns: 2, Depth: 4, Count: 200, Timeout: time.Second}, 30*time.Second)
				if !tc.good(r) {
					t.Errorf("%d answered, errors %s", r.Answered, &r.Errors)
				}
				s.mu.Lock()
				defer s.mu.Unlock()
				if want := strings.Contains(tc.name, "pings"); (s.pongs > 150) != want {
					t.Errorf("%d pongs", s.pongs)
				}
			})
		}
	}
}

// Connections that are opened again and again take leave.
func TestWebSocketRenewed(t *testing.T) {
	s := &frameServer{t: t, accept: shaken, write: func(_ int, m string) string { return serverFrame(frameText, m) }}
	addr := listen(t, "tcp", "127.0.0.1:0", s.serve)
	r := runBounded(t, Options{Target: "ws://" + addr.String() + "/ws", Headers: []string{"X-Test: 1"}, Method: MethodPing, Conns: 4, Depth: 1, Reconnect: 3, Duration: 300 * time.Millisecond, Timeout: 5 * time.Second}, 30*time.Second)
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.ErrorTotal != 0 || r.Answered < 30 || s.closed < int(r.Answered)/3-4 {
		t.Errorf("%d answered, %d took leave, errors %s", r.Answered, s.closed, &r.Errors)
	}
}

// Handshakes that do not succeed end the run, and say why.
func TestWebSocketHandshake(t *testing.T) {
	for answer, says := range map[string]string{
		"HTTP/1.1 403 Forbidden\r\n\r\n": "403",
		"+OK\r\n\r\n":                    errFraming.Error(),
		shaken("x"):                      "Sec-WebSocket-Accept",
		"HTTP/1.1 101 x\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n":                                "none was offered",
		"HTTP/1.1 101 Switching Protocols\r\nX: " + string(bytes.Repeat([]byte("x"), maxHead)) + "\r\nX: x\r\n": errFraming.Error(),
	} {
		s := &frameServer{t: t, accept: func(string) string { return answer }, write: nil}
		addr := listen(t, "tcp", "127.0.0.1:0", s.serve)
		_, err := Run(Options{Target: "ws://" + addr.String(), Headers: []string{"X-Test: 1"}, Method: MethodPing, Conns: 1, Depth: 1, Count: 1, Timeout: 2 * time.Second})
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%.60q: %v", answer, err)
		}
	}
}
