package websocket

import (
	"strings"
	"testing"

	"github.com/gannetmcp/gannet/transports/http1"
)

// handshake is that of RFC 6455 §1.3, with more field lines.
func handshake(more string) string {
	return "GET /ws HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n" + more + "\r\n"
}

// answered is the answer to it.
func answered(more string) string {
	return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" + more + "\r\n"
}

// parse returns the request in a head, which package http1 must accept.
func parse(t testing.TB, head string) *http1.Request {
	t.Helper()
	var p http1.Parser
	p.Init(http1.NewLoop(testPool(), http1.Limits{}), nil)
	if _, ev := p.Next([]byte(head)); ev != http1.Head {
		t.Fatalf("event %d, %v", ev, p.Err())
	}
	return p.Request()
}

func TestAccept(t *testing.T) {
	const chosen = "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover"
	for _, tc := range []struct {
		name, in string
		want     string // of the answer; or
		why      *Refusal
		agreed   Agreed
	}{
		{"RFC 6455 §1.3", handshake(""), answered(""), nil, Agreed{}},
		{"subprotocol", handshake("Sec-WebSocket-Protocol: mcp\r\n"), answered("Sec-WebSocket-Protocol: mcp\r\n"), nil, Agreed{}},
		{"one of several", handshake("Sec-WebSocket-Protocol: chat, mcp,superchat\r\n"), answered("Sec-WebSocket-Protocol: mcp\r\n"), nil, Agreed{}},
		{"in two lines", handshake("Sec-WebSocket-Protocol: chat\r\nsec-websocket-protocol: mcp\r\n"), answered("Sec-WebSocket-Protocol: mcp\r\n"), nil, Agreed{}},
		{"another subprotocol", handshake("Sec-WebSocket-Protocol: chat, MCP, mcpx\r\n"), answered(""), nil, Agreed{}},
		{"small letters", strings.Replace(strings.Replace(handshake(""), "Upgrade: websocket", "upgrade: WebSocket", 1), "Connection: Upgrade", "connection: keep-alive, upgrade", 1), answered(""), nil, Agreed{}},
		{"Upgrade to several", strings.Replace(handshake(""), "Upgrade: websocket", "Upgrade: h2c, websocket", 1), answered(""), nil, Agreed{}},
		{"empty body", handshake("Content-Length: 0\r\n"), answered(""), nil, Agreed{}},
		{"absolute target", strings.Replace(handshake(""), "/ws", "http://server.example.com/ws", 1), answered(""), nil, Agreed{}},

		{"deflate", handshake("Sec-WebSocket-Extensions: permessage-deflate\r\n"), answered(chosen + "\r\n"), nil, Agreed{Deflate: true}},
		{"deflate as browsers offer it", handshake("Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"), answered(chosen + "\r\n"), nil, Agreed{Deflate: true}},
		{"deflate with all there is", handshake("Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=10; client_max_window_bits=9\r\n"),
			answered(chosen + "; server_max_window_bits=10\r\n"), nil, Agreed{Deflate: true, WindowBits: 10}},
		{"server_max_window_bits=8", handshake("Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=8\r\n"), answered(chosen + "; server_max_window_bits=8\r\n"), nil, Agreed{Deflate: true, WindowBits: 8}},
		{"server_max_window_bits=15, quoted", handshake("Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=\"15\"\r\n"), answered(chosen + "; server_max_window_bits=15\r\n"), nil, Agreed{Deflate: true, WindowBits: 15}},
		{"spaces and capitals", handshake("Sec-WebSocket-Extensions:  ,\tPermessage-Deflate ;Client_Max_Window_Bits = 12 ,\r\n"), answered(chosen + "\r\n"), nil, Agreed{Deflate: true}},
		{"the first that will do", handshake("Sec-WebSocket-Extensions: x-frame; a=\"b\", permessage-deflate; server_max_window_bits=7, permessage-deflate; server_max_window_bits=9, permessage-deflate\r\n"),
			answered(chosen + "; server_max_window_bits=9\r\n"), nil, Agreed{Deflate: true, WindowBits: 9}},
		{"in two lines", handshake("Sec-WebSocket-Extensions: x-frame\r\nSec-WebSocket-Extensions: permessage-deflate\r\n"), answered(chosen + "\r\n"), nil, Agreed{Deflate: true}},
		{"another extension", handshake("Sec-WebSocket-Extensions: permessage-bzip2, deflate-frame\r\n"), answered(""), nil, Agreed{}},
		{"empty extensions", handshake("Sec-WebSocket-Extensions:\r\n"), answered(""), nil, Agreed{}},

		{"no Upgrade", strings.Replace(handshake(""), "Upgrade: websocket\r\n", "", 1), "", ErrNoUpgrade, Agreed{}},
		{"no Connection", strings.Replace(handshake(""), "Connection: Upgrade\r\n", "", 1), "", ErrNoUpgrade, Agreed{}},
		{"Upgrade to something else", strings.Replace(handshake(""), "Upgrade: websocket", "Upgrade: websockets", 1), "", ErrNoUpgrade, Agreed{}},
		{"plain GET", "GET /ws HTTP/1.1\r\nHost: a\r\n\r\n", "", ErrNoUpgrade, Agreed{}},
		{"HTTP/1.0", strings.Replace(handshake(""), "HTTP/1.1", "HTTP/1.0", 1), "", ErrNoUpgrade, Agreed{}},
		{"POST", strings.Replace(handshake("Content-Length: 0\r\n"), "GET", "POST", 1), "", ErrMethod, Agreed{}},
		{"get", strings.Replace(handshake(""), "GET", "get", 1), "", ErrMethod, Agreed{}},
		{"version 8", strings.Replace(handshake(""), "Version: 13", "Version: 8", 1), "", ErrVersion, Agreed{}},
		{"version 013", strings.Replace(handshake(""), "Version: 13", "Version: 013", 1), "", ErrVersion, Agreed{}},
		{"version list", strings.Replace(handshake(""), "Version: 13", "Version: 13, 8", 1), "", ErrVersion, Agreed{}},
		{"no version", strings.Replace(handshake(""), "Sec-WebSocket-Version: 13\r\n", "", 1), "", ErrVersion, Agreed{}},
		{"two versions", handshake("Sec-WebSocket-Version: 13\r\n"), "", ErrVersion, Agreed{}},
		{"no key", strings.Replace(handshake(""), "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "", 1), "", ErrKey, Agreed{}},
		{"two keys", handshake("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"), "", ErrKey, Agreed{}},
		{"key of 15 bytes", strings.Replace(handshake(""), "dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25j", 1), "", ErrKey, Agreed{}},
		{"key of 17 bytes", strings.Replace(handshake(""), "dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZVo=", 1), "", ErrKey, Agreed{}},
		{"key of 18 bytes", strings.Replace(handshake(""), "dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZVpa", 1), "", ErrKey, Agreed{}},
		{"key no base64", strings.Replace(handshake(""), "dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25j!Q==", 1), "", ErrKey, Agreed{}},
		{"empty key", strings.Replace(handshake(""), "dGhlIHNhbXBsZSBub25jZQ==", "", 1), "", ErrKey, Agreed{}},
		{"body", handshake("Content-Length: 5\r\n") + "hello", "", ErrBody, Agreed{}},
		{"body in chunks", handshake("Transfer-Encoding: chunked\r\n"), "", ErrBody, Agreed{}},
		{"extensions malformed", handshake("Sec-WebSocket-Extensions: permessage-deflate; =\r\n"), "", ErrExtensions, Agreed{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l := NewLoop(testPool(), Options{})
			q := parse(t, tc.in)
			out, a, why := l.Accept([]byte("before"), q)
			if string(out) != "before"+tc.want || why != tc.why || a != tc.agreed {
				t.Errorf("%q, %+v, %v", out, a, why)
			}
			if wanted := Wanted(q); wanted != (why != ErrNoUpgrade) {
				t.Errorf("Wanted: %v", wanted)
			}
			off := NewLoop(testPool(), Options{CompressMin: -1})
			if out, a, _ := off.Accept(nil, q); a != (Agreed{}) || strings.Contains(string(out), "permessage") {
				t.Errorf("without compression: %q", out)
			}
		})
	}
}

// Offers that mean nothing are declined (RFC 7692 §7), others of the same list are
// not; what is no list at all fails the handshake (RFC 6455 §9.1).
func TestOffers(t *testing.T) {
	for _, tc := range []struct {
		in              string
		taken, wellMade bool
	}{
		{"permessage-deflate", true, true},
		{"permessage-deflate; server_no_context_takeover", true, true},
		{"permessage-deflate; server_no_context_takeover=1", false, true},
		{"permessage-deflate; client_no_context_takeover=\"\"", false, false},
		{"permessage-deflate; server_no_context_takeover; server_no_context_takeover", false, true},
		{"permessage-deflate; client_no_context_takeover; client_no_context_takeover", false, true},
		{"permessage-deflate; server_max_window_bits=8", true, true},
		{"permessage-deflate; server_max_window_bits=15", true, true},
		{"permessage-deflate; server_max_window_bits=7", false, true},
		{"permessage-deflate; server_max_window_bits=16", false, true},
		{"permessage-deflate; server_max_window_bits=08", false, true},
		{"permessage-deflate; server_max_window_bits=1", false, true},
		{"permessage-deflate; server_max_window_bits=1/", false, false},
		{"permessage-deflate; server_max_window_bits=1a", false, true},
		{"permessage-deflate; server_max_window_bits=+9", false, true},
		{"permessage-deflate; server_max_window_bits=100", false, true},
		{"permessage-deflate; server_max_window_bits=264", false, true},
		{"permessage-deflate; server_max_window_bits", false, true},
		{"permessage-deflate; server_max_window_bits=9; server_max_window_bits=9", false, true},
		{"permessage-deflate; client_max_window_bits", true, true},
		{"permessage-deflate; client_max_window_bits=8", true, true},
		{"permessage-deflate; client_max_window_bits=7", false, true},
		{"permessage-deflate; client_max_window_bits=", false, false},
		{"permessage-deflate; client_max_window_bits; client_max_window_bits=9", false, true},
		{"permessage-deflate; client_max_window_bits=9; client_max_window_bits", false, true},
		{"permessage-deflate; unknown", false, true},
		{"permessage-deflate; unknown=1, permessage-deflate", true, true},
		{"permessage-deflate;", false, false},
		{"permessage-deflate; ,", false, false},
		{"permessage-deflate client_max_window_bits", false, false},
		{"permessage-deflate, \"", true, false},
		{"; client_max_window_bits", false, false},
		{"permessage-deflate; server_max_window_bits=\"9", false, false},
		{"permessage-deflate; server_max_window_bits=\"9 \"", false, false},
		{"permessage-deflate; server_max_window_bits=\"9\"x", false, false},
		{"permessage-deflate=1", false, false},
		{"x-webkit-deflate-frame", false, true},
		{"", false, true},
		{", ,", false, true},
	} {
		b, more, taken, wellMade := []byte(tc.in), true, false, true
		for more && wellMade {
			var o offer
			b, more, wellMade = o.next(b)
			taken = taken || o.deflate && wellMade
		}
		if taken != tc.taken || wellMade != tc.wellMade {
			t.Errorf("%q: taken %v, well made %v", tc.in, taken, wellMade)
		}
	}
}

func TestRefusals(t *testing.T) {
	for _, r := range []*Refusal{ErrNoUpgrade, ErrVersion, ErrMethod, ErrBody, ErrKey, ErrExtensions} {
		if r.Error() != "websocket: "+r.Reason || r.Status < 400 || r.Header != "" && !strings.HasSuffix(r.Header, "\r\n") {
			t.Errorf("%+v", r)
		}
		if r.Status == 426 && (!strings.Contains(r.Header, "Sec-WebSocket-Version: 13\r\n") || !strings.Contains(r.Header, "Upgrade: websocket\r\n")) {
			t.Errorf("%+v", r)
		}
	}
}
