package websocket

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"unicode/utf8"
)

// Text in UTF-8 and what only looks like it (Autobahn 6).
func TestUTF8(t *testing.T) {
	good := []string{
		"Hello-µ@ßöäüàá-UTF-8!!", "κόσμε", "\x00", "\x7f", "\u0080", "\u07ff", "\u0800", "\ud7ff", "\ue000", "\ufffd",
		"\uffff", "\ufffe", "\U00010000", "\U0010ffff", "\U0001fffe\U0001ffff", "日本語", "😀😀", "a\u0301",
	}
	bad := []string{
		"\x80", "\xbf", "a\x80\x80\x80", "\xc0", "\xc3", "\xe1\xbd", "\xf0\x9f\x98", "\xc3 ", "\xe1\xbd ", "\xf0\x9f\x98 ",
		"\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xe0\x9f\xbf", "\xf0\x80\x80\x80", "\xf0\x8f\xbf\xbf", // too long
		"\xed\xa0\x80", "\xed\xbf\xbf", "\xed\xa0\x80\xed\xb0\x80", // surrogates
		"\xf4\x90\x80\x80", "\xf7\xbf\xbf\xbf", "\xf8\x88\x80\x80\x80", "\xfb\xbf\xbf\xbf\xbf", "\xfc\x84\x80\x80\x80\x80", "\xfe", "\xff",
		"κόσμε\xed\xa0\x80edited", "κόσμε\xf4\x90\x80\x80edited",
	}
	for _, s := range good {
		t.Run(fmt.Sprintf("%+q", s), func(t *testing.T) {
			everyWay(t, frame(fin|fText, s)+hello, setting{}, []string{"text " + s, "text hello"})
			for i := range len(s) + 1 { // in fragments that cut characters
				everyWay(t, frame(fText, s[:i])+frame(fin|fPing, "")+frame(fin|fCont, s[i:])+hello, setting{}, []string{"ping ", "text " + s, "text hello"})
			}
		})
	}
	for _, s := range bad {
		t.Run(fmt.Sprintf("%+q", s), func(t *testing.T) {
			everyWay(t, hello+frame(fin|fText, s)+hello, setting{}, []string{"text hello", failure(ErrUTF8)})
			for i := range len(s) + 1 {
				in := frame(fText, s[:i]) + frame(fCont, "") + frame(fin|fCont, s[i:])
				everyWay(t, in, setting{}, []string{failure(ErrUTF8)})
			}
		})
	}
}

// What can no longer become UTF-8 fails there, not at the end of the message
// (Autobahn 6.4).
func TestUTF8FailsFast(t *testing.T) {
	for _, tc := range []struct {
		in   string
		stay int // bytes of the payload that may still become UTF-8
	}{
		{"κόσμε\xf4\x90\x80\x80edited", len("κόσμε") + 1},
		{"κόσμε\xed\xa0\x80edited", len("κόσμε") + 1},
		{"\x80", 0},
		{"a\xff", 1},
		{"\xe0\x9f\xbf", 1},
		{"\xf0\x9f\x98x", 3},
		{"\xc3x", 1},
	} {
		for _, split := range []int{1, 2, 3, len(tc.in)} { // bytes of a fragment
			var p Parser
			p.Init(NewLoop(testPool(), Options{}), nil, Agreed{})
			first, fed := byte(fText), 0
			for i := 0; i < len(tc.in); i += split {
				f := frame(first, tc.in[i:min(len(tc.in), i+split)])
				first = fCont
				for k := range len(f) { // byte by byte
					_, ev := p.Next([]byte{f[k]})
					if k >= 6 {
						fed++
					}
					if want := fed > tc.stay; (ev == Failed) != want || want && p.Err() != ErrUTF8 {
						t.Fatalf("%+q in fragments of %d: after %d bytes event %d, %v", tc.in, split, fed, ev, p.Err())
					}
					if ev == Failed {
						i = len(tc.in)
						break
					}
				}
			}
			if fed != tc.stay+1 {
				t.Errorf("%+q in fragments of %d: failed after %d bytes", tc.in, split, fed)
			}
			p.Release()
		}
	}
}

// The outcome is that of the standard library on the whole.
func TestTextAgreesWithWhole(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	alphabet := []string{"a", "é", "語", "😀", "\x80", "\xc3", "\xe1", "\xf0", "\xf4", "\x90", "\xed", "\xa0", "\xff"}
	for range 50_000 {
		var s string
		for range rng.IntN(12) {
			n := len(alphabet)
			if rng.IntN(2) == 0 {
				n = 4
			}
			s += alphabet[rng.IntN(n)]
		}
		var u text
		ok := true
		for rest := s; ok && len(rest) > 0; {
			n := 1 + rng.IntN(len(rest))
			ascii := true
			for i := range n {
				ascii = ascii && rest[i] < utf8.RuneSelf
			}
			ok = u.add([]byte(rest[:n]), ascii && rng.IntN(2) == 0)
			rest = rest[n:]
		}
		if ok = ok && u.complete(); ok != utf8.ValidString(s) {
			t.Fatalf("%+q: %v", s, ok)
		}
	}
}
