package websocket

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// What is sent is, on the server's side, what another hand would write.
func TestAppendText(t *testing.T) {
	pool := testPool()
	server := NewLoop(pool, Options{})
	for _, n := range []int{0, 1, 124, 125, 126, 127, 1000, 65535, 65536, 100_000} {
		text := strings.ToValidUTF8(jsonText(n + 100)[:n], "")
		dst := append(pool.Get(16), "before"...)
		dst = server.AppendText(dst, []byte(text), Agreed{})
		if want := "before" + bare(fin|fText, text); string(dst) != want {
			t.Errorf("%d bytes: %.40q", n, dst)
		}
		if got := FrameLen(dst[len("before"):]); got != len(dst)-len("before") {
			t.Errorf("%d bytes: FrameLen is %d, not %d", n, got, len(dst)-6)
		}
		pool.Put(dst)
	}
	if n := pool.Stats().Outstanding; n != 0 {
		t.Errorf("%d buffers not returned", n)
	}
}

// A frame may be put together in place, and taken back.
func TestOpenText(t *testing.T) {
	server := NewLoop(testPool(), Options{})
	dst := []byte("before")
	dst = server.OpenText(dst)
	dst = append(dst, `{"id":`...)
	dst = append(dst, "1}"...)
	dst = server.CloseText(dst, 6, Agreed{})
	at := len(dst)
	dst = append(server.OpenText(dst), "in vain"...)
	dst = dst[:at]
	dst = server.AppendPong(dst, []byte("x"))
	if want := "before" + bare(fin|fText, `{"id":1}`) + bare(fin|fPong, "x"); string(dst) != want {
		t.Errorf("%q", dst)
	}
}

// What one side sends the other reads, of each size, compressed or not.
func TestBothSides(t *testing.T) {
	pool := testPool()
	server, client := NewLoop(pool, Options{}), NewLoop(pool, Options{Client: true})
	for _, a := range []Agreed{{}, {Deflate: true}, {Deflate: true, WindowBits: 9}} {
		for _, way := range []struct {
			name     string
			from, to *Loop
		}{{"to the client", server, client}, {"to the server", client, server}} {
			dst := pool.Get(1)
			var want []string
			for _, n := range []int{0, 1, 125, 126, 255, 256, 300, 5000, 65535, 65536, 200_000} {
				text := jsonText(n + 100)[:n]
				text = strings.ToValidUTF8(text, "?")
				dst = way.from.AppendText(dst, []byte(text), a)
				dst = way.from.AppendPing(dst, []byte(fmt.Sprint(n)))
				want = append(want, "text "+short([]byte(text)), fmt.Sprintf("ping %d", n))
			}
			dst = way.from.AppendPong(dst, bytes.Repeat([]byte("x"), 200))
			dst = way.from.AppendClose(dst, CodeGoingAway, "bye")
			want = append(want, "pong "+x(125), "close 1001 bye")
			for _, size := range []int{1, 1000, len(dst)} {
				var p Parser
				p.Init(way.to, nil, a)
				tr := trace{p: &p}
				for rest := dst; len(rest) > 0; {
					n := min(size, len(rest))
					tr.feed(rest[:n])
					rest = rest[n:]
				}
				if strings.Join(tr.got, "|") != strings.Join(want, "|") {
					t.Errorf("%s, %+v, in pieces of %d:\n got %.300q\nwant %.300q", way.name, a, size, tr.got, want)
				}
				p.Release()
			}
			for at := 0; at < len(dst); { // one frame after the other
				n := FrameLen(dst[at:])
				if at += n; at > len(dst) || n < 2 {
					t.Fatalf("%s: a frame of %d bytes ends at %d of %d", way.name, n, at, len(dst))
				}
			}
			pool.Put(dst)
		}
	}
	if n := pool.Stats().Outstanding; n != 0 {
		t.Errorf("%d buffers not returned", n)
	}
}

// No masking key comes twice in a row, nor is it zero again and again
// (RFC 6455 §10.3).
func TestMaskingKeys(t *testing.T) {
	client := NewLoop(testPool(), Options{Client: true})
	seen := map[string]int{}
	for range 1000 {
		out := client.AppendText(nil, []byte("hello"), Agreed{})
		if out[1] != 0x80|5 || len(out) != 11 {
			t.Fatalf("%q", out)
		}
		seen[string(out[2:6])]++
	}
	if len(seen) < 990 {
		t.Errorf("%d keys in 1,000 frames", len(seen))
	}
}

func TestFrameLen(t *testing.T) {
	for _, f := range []string{bare(fin|fText, ""), bare(fin|fText, x(125)), bare(fin|fText, x(126)), bare(fin|fText, x(65536)), frame(fin|fText, x(3)), frame(fin|fText, x(300)), frame(fin|fPing, "")} {
		if got := FrameLen([]byte(f + "more")); got != len(f) {
			t.Errorf("%d, want %d", got, len(f))
		}
	}
}
