package websocket

import (
	"errors"
	"strings"
	"testing"
)

func TestConnect(t *testing.T) {
	pool := testPool()
	server := NewLoop(pool, Options{})
	for _, tc := range []struct {
		name   string
		opts   Options
		server *Loop
		agreed Agreed
	}{
		{"with deflate", Options{Client: true}, server, Agreed{Deflate: true}},
		{"without", Options{Client: true, CompressMin: -1}, server, Agreed{}},
		{"the server does without", Options{Client: true}, NewLoop(pool, Options{CompressMin: -1}), Agreed{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			client := NewLoop(pool, tc.opts)
			req, h := client.Connect(nil, "127.0.0.1:7601", "/ws?a=b", "Authorization: Bearer x\r\n")
			q := parse(t, string(req))
			if v, n := q.Header("Authorization"); n != 1 || string(v) != "Bearer x" || string(q.Target()) != "/ws?a=b" || string(q.Host()) != "127.0.0.1:7601" {
				t.Errorf("%q", req)
			}
			res, a, why := tc.server.Accept(nil, q)
			if why != nil || a != tc.agreed || !strings.Contains(string(res), "Sec-WebSocket-Protocol: mcp\r\n") {
				t.Fatal(why, a, string(res))
			}
			end := len(res)
			res = append(res, bare(fin|fText, "first")...)
			for i := range res {
				n, a, err := h.Read(res[:i])
				if err != nil || (n != 0) != (i >= end) || n != 0 && n != end {
					t.Fatalf("%d bytes: %d, %v", i, n, err)
				}
				if n != 0 && a != tc.agreed {
					t.Errorf("agreed %+v", a)
				}
			}
		})
	}
	_, a := NewLoop(pool, Options{Client: true}).Connect(nil, "a", "/", "")
	_, b := NewLoop(pool, Options{Client: true}).Connect(nil, "a", "/", "")
	if string(a.key) == string(b.key) || !validKey(a.key) {
		t.Errorf("keys %q and %q", a.key, b.key)
	}
}

// Answers of servers, to the key of RFC 6455 §1.3.
func TestResponses(t *testing.T) {
	const deflate = "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover"
	for _, tc := range []struct {
		name, in string
		agreed   Agreed
		status   int
		err      string // part of it
	}{
		{"as it should be", answered(""), Agreed{}, 0, ""},
		{"subprotocol", answered("Sec-WebSocket-Protocol: mcp\r\n"), Agreed{}, 0, ""},
		{"other fields", answered("Date: x\r\nServer:\r\nSet-Cookie: a=b\r\n"), Agreed{}, 0, ""},
		{"no reason phrase", strings.Replace(answered(""), " Switching Protocols", "", 1), Agreed{}, 0, ""},
		{"deflate", answered(deflate + "\r\n"), Agreed{Deflate: true}, 0, ""},
		{"deflate, both", answered(deflate + "; client_no_context_takeover\r\n"), Agreed{Deflate: true}, 0, ""},
		{"deflate, server's window", answered(deflate + "; server_max_window_bits=10\r\n"), Agreed{Deflate: true}, 0, ""},

		{"deflate, the server keeps its window", answered("Sec-WebSocket-Extensions: permessage-deflate\r\n"), Agreed{}, 101, "extension"},
		{"deflate, a window for us, which was not offered", answered(deflate + "; client_max_window_bits=10\r\n"), Agreed{}, 101, "extension"},
		{"deflate, a window for us without size", answered(deflate + "; client_max_window_bits\r\n"), Agreed{}, 101, "extension"},
		{"deflate, window of 7 bits", answered(deflate + "; server_max_window_bits=7\r\n"), Agreed{}, 101, "extension"},
		{"deflate, unknown parameter", answered(deflate + "; x\r\n"), Agreed{}, 101, "extension"},
		{"deflate twice", answered(deflate + ", permessage-deflate; server_no_context_takeover\r\n"), Agreed{}, 101, "extension"},
		{"deflate in two lines", answered(deflate + "\r\n" + deflate + "\r\n"), Agreed{}, 101, "extension"},
		{"another extension", answered("Sec-WebSocket-Extensions: x\r\n"), Agreed{}, 101, "extension"},
		{"another subprotocol", answered("Sec-WebSocket-Protocol: chat\r\n"), Agreed{}, 101, "subprotocol"},
		{"two subprotocols", answered("Sec-WebSocket-Protocol: mcp\r\nSec-WebSocket-Protocol: mcp\r\n"), Agreed{}, 101, "subprotocol"},
		{"accept of another key", strings.Replace(answered(""), "s3pP", "S3pP", 1), Agreed{}, 101, "Sec-WebSocket-Accept"},
		{"no accept", strings.Replace(answered(""), "Accept", "Except", 1), Agreed{}, 101, "missing"},
		{"two accepts", answered("Sec-WebSocket-Accept: x\r\n"), Agreed{}, 101, "Sec-WebSocket-Accept"},
		{"no Upgrade", strings.Replace(answered(""), "Upgrade: websocket\r\n", "", 1), Agreed{}, 101, "missing"},
		{"no Connection", strings.Replace(answered(""), "Connection: Upgrade\r\n", "", 1), Agreed{}, 101, "missing"},
		{"malformed field", answered("a b: c\r\n"), Agreed{}, 101, "malformed"},
		{"no field", answered("abc\r\n"), Agreed{}, 101, "malformed"},
		{"folded field", answered(" abc: d\r\n"), Agreed{}, 101, "malformed"},
		{"control character", answered("abc: \x01\r\n"), Agreed{}, 101, "malformed"},
		{"line feed alone", answered("abc: d\ne: f\r\n"), Agreed{}, 101, "malformed"},
		{"control character in the status line", strings.Replace(answered(""), "Switching", "\x01", 1), Agreed{}, 0, "HTTP/1.1"},
		{"status of four digits", "HTTP/1.1 1010 x\r\n\r\n", Agreed{}, 0, "HTTP/1.1"},
		{"200", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", Agreed{}, 200, "answers 200"},
		{"401", "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer\r\n\r\n", Agreed{}, 401, "Unauthorized"},
		{"404 without phrase", "HTTP/1.1 404 \r\n\r\n", Agreed{}, 404, "404"},
		{"426", "HTTP/1.1 426 Upgrade Required\r\n\r\n", Agreed{}, 426, "426"},
		{"HTTP/1.0", "HTTP/1.0 101 Switching Protocols\r\n\r\n", Agreed{}, 0, "HTTP/1.1"},
		{"another protocol", "220 mail.example.com ESMTP\r\n", Agreed{}, 0, "HTTP/1.1"},
		{"a line of JSON", `{"jsonrpc":"2.0","method":"x"}` + "\n", Agreed{}, 0, "HTTP/1.1"},
		{"no status", "HTTP/1.1 abc\r\n\r\n", Agreed{}, 0, "HTTP/1.1"},
		{"status 0", "HTTP/1.1 000 x\r\n\r\n", Agreed{}, 0, "HTTP/1.1"},
		{"short", "HTTP/1.1 1\r\n\r\n", Agreed{}, 0, "HTTP/1.1"},
		{"head without end", "HTTP/1.1 101 x\r\na: " + x(maxResponse), Agreed{}, 0, "without end"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := &Handshake{key: []byte("dGhlIHNhbXBsZSBub25jZQ=="), deflate: true}
			n, a, err := h.Read([]byte(tc.in))
			if tc.err == "" {
				if err != nil || n != len(tc.in) || a != tc.agreed {
					t.Errorf("%d of %d bytes, %+v, %v", n, len(tc.in), a, err)
				}
				return
			}
			var res *ResponseError
			if !errors.As(err, &res) || res.Status != tc.status || !strings.Contains(err.Error(), tc.err) || a != (Agreed{}) {
				t.Errorf("%+v, %v", a, err)
			}
		})
	}
	h := &Handshake{key: []byte("dGhlIHNhbXBsZSBub25jZQ==")}
	if _, _, err := h.Read([]byte(answered(deflate + "\r\n"))); err == nil {
		t.Error("an extension that was not offered was taken")
	}
}
