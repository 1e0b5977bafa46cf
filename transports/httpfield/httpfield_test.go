package httpfield

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http/httpguts"
)

// Each byte is of the classes that others give it.
func TestClasses(t *testing.T) {
	visible := func(c byte) bool { return c > ' ' && c < 0x7F }
	for i := range 256 {
		c := byte(i)
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		digit := '0' <= c && c <= '9'
		for class, want := range map[Class]bool{
			Token:    httpguts.IsTokenRune(rune(c)),
			Name:     httpguts.IsTokenRune(rune(c)) && (c < 'A' || c > 'Z'),
			Target:   visible(c) && !strings.ContainsRune(`#"<>\%`, rune(c)),
			RegName:  letter || digit || visible(c) && strings.ContainsRune("-._~!$&'()*+,;=", rune(c)), // unreserved, sub-delims
			Digit:    digit,
			HexDigit: visible(c) && strings.ContainsRune("0123456789abcdefABCDEF", rune(c)),
		} {
			if class.Has(c) != want || class.All([]byte{'0', c}) != want {
				t.Errorf("%q is of class %d: %v, want %v", c, class, class.Has(c), want)
			}
		}
		if want := bytes.ToLower([]byte{c}); c < 0x80 && Lower(c) != want[0] || c >= 0x80 && Lower(c) != c {
			t.Errorf("%q in small letters is %q", c, Lower(c))
		}
	}
	if !Token.All(nil) {
		t.Error("a byte of none is not of the class")
	}
}

func TestEqualFold(t *testing.T) {
	for i := range 0x80 {
		for k := range 0x80 {
			a, b := "x"+string(rune(i)), "X"+string(rune(k))
			if got, want := EqualFold([]byte(a), b), strings.EqualFold(a, b); got != want {
				t.Errorf("%q and %q: %v", a, b, got)
			}
		}
	}
	for _, tc := range []struct{ a, b string }{{"", "x"}, {"x", ""}, {"host", "hos"}, {"\xc0", "\xe0"}, {"k", "\u212a"}, {"@", "`"}, {"[", "{"}} {
		if EqualFold(tc.a, []byte(tc.b)) {
			t.Errorf("%q and %q are equal", tc.a, tc.b)
		}
	}
}

// A control character is found wherever it is, beside whatever it is, and only
// where it is looked for.
func TestIndexControl(t *testing.T) {
	for size := range 30 {
		for at := range size {
			for c := range 256 {
				for _, around := range []byte{'a', '\t', ' ', 0x80, 0xFF} {
					b := bytes.Repeat([]byte{around}, size)
					b[at] = byte(c)
					want := size
					if !httpguts.ValidHeaderFieldValue(string(b)) {
						want = at
					}
					if got := IndexControl(b, 0); got != want {
						t.Fatalf("%q: %d, want %d", b, got, want)
					}
					if got := IndexControl(b, at+1); got != size {
						t.Fatalf("%q behind %d: %d, want %d", b, at, got, size)
					}
				}
			}
		}
	}
	for in, want := range map[string]bool{
		"": true, "a": true, "a b": true, "a\tb": true, "\xff": true, x(100): true,
		" ": false, " a": false, "a ": false, "\ta": false, "a\t": false, "a\x00b": false, "a\r\nb: c": false, x(50) + "\x7f" + x(50): false,
	} {
		if ValidValue([]byte(in)) != want {
			t.Errorf("%q: want %v", in, want)
		}
	}
}

func x(n int) string { return strings.Repeat("x", n) }

func TestElement(t *testing.T) {
	for in, want := range map[string]string{
		"": "[]", "a": "[a]", " a ,\tb\t": "[a b]", ",": "[ ]", "a,,b": "[a  b]", ", a": "[ a]", "a b": "[a b]", `"a,b"`: `["a b"]`,
	} {
		var got []string
		for rest, more := []byte(in), true; more; {
			var e []byte
			e, rest, more = Element(rest)
			got = append(got, string(e))
		}
		if fmt.Sprint(got) != want {
			t.Errorf("%q: %v, want %s", in, got, want)
		}
	}
}

func TestContentLength(t *testing.T) {
	for _, in := range []string{
		"0", "00", "1", "12", "007", "9223372036854775807", "0000000000000000000009",
		"", " ", "+1", "-1", "-0", "1 ", " 1", "1,1", "1_0", "0x1", "1e3", "1.0", "a", "9223372036854775808", "18446744073709551616", "99999999999999999999", "\x00", "٣",
	} {
		want, err := strconv.ParseUint(in, 10, 63)
		if n, ok := ContentLength([]byte(in)); ok != (err == nil) || ok && n != int64(want) {
			t.Errorf("%q: %d %v, want %d %v", in, n, ok, want, err)
		}
	}
}

func TestValidHost(t *testing.T) {
	for in, want := range map[string]bool{
		"a": true, "A.b-c_d~e": true, "localhost:7601": true, "127.0.0.1": true, "a:": true, "a:0": true, "a:65535": true, "a:00080": true,
		"[::1]": true, "[::]": true, "[::1]:80": true, "[::ffff:1.2.3.4]": true, "a!$&'()*+,;=": true,

		"": false, ":": false, ":80": false, "a:65536": false, "a:123456": false, "a:000080": false, "a:8a": false, "a:-1": false, "a:80:80": false,
		"[": false, "[]": false, "[:]": false, "[::1": false, "[::1]a": false, "[::g]": false, "[fe80::1%25eth0]": false, "::1": false, "[[::1]]": false,
		"u@a": false, "a/b": false, "a b": false, "a%41": false, "a\x00": false, "a\x7f": false, "\xc3\xa9": false, "a?b": false, "a#b": false, `a\b`: false,
	} {
		if ValidHost([]byte(in)) != want {
			t.Errorf("%q: want %v", in, want)
		}
	}
}

func TestAppendDate(t *testing.T) {
	at := time.Date(2026, 1, 2, 15, 4, 5, 6, time.FixedZone("", 3600))
	if got, want := string(AppendDate([]byte("Date: "), at)), "Date: "+at.UTC().Format(http.TimeFormat); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
