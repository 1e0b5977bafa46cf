//go:build unix && (amd64 || arm64) && !purego

package codec

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"unicode/utf8"
)

// needVectors skips a test where there are none to test.
func needVectors(t testing.TB) {
	if !vectors {
		t.Skip("this CPU has not what the kernels use")
	}
}

// plainly runs op without vectors. Not for tests that run in parallel.
func plainly(op func()) {
	had := vectors
	vectors = false
	defer func() { vectors = had }()
	op()
}

// guarded returns bytes between two pages that cannot be read.
func guarded(t testing.TB) []byte {
	page := syscall.Getpagesize()
	all, err := syscall.Mmap(-1, 0, 3*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Munmap(all); err != nil {
			t.Error(err)
		}
	})
	for _, p := range [][]byte{all[:page], all[2*page:]} {
		if err := syscall.Mprotect(p, syscall.PROT_NONE); err != nil {
			t.Fatal(err)
		}
	}
	return all[page : 2*page : 2*page]
}

// textByte is textKernel byte by byte.
func textByte(b []byte) (stop int, ill bool) {
	for stop < len(b) && b[stop] != '"' && b[stop] != '\\' && b[stop] >= ' ' {
		stop++
	}
	return stop, !utf8.Valid(b[:stop])
}

// escapesByte is escapesKernel byte by byte.
func escapesByte(b []byte) int {
	b = b[:len(b)&^63]
	for i := 0; ; {
		switch {
		case i == len(b) || b[i] == '"' || b[i] < ' ' || b[i] >= utf8.RuneSelf:
			return i
		case b[i] != '\\':
			i++
		case i+1 == len(b):
			return i
		case b[i+1] != 'u':
			if !strings.ContainsRune(`"\/bfnrt`, rune(b[i+1])) {
				return i
			}
			i += 2
		default:
			if r, good := hex4(b, i+2); !good || r>>12 == 0xd {
				return i
			}
			i += 6
		}
	}
}

// skipByte is skipKernel byte by byte.
func skipByte(b []byte) (end, level int, inside bool) {
	for whole := len(b) &^ 63; end < whole; end++ {
		switch c := b[end]; {
		case inside && c == '\\':
			end++
		case c == '"':
			inside = !inside
		case inside:
		case c|0x20 == '{': // or '['
			level++
		case c|0x20 == '}': // or ']'
			if level--; level == 0 {
				return end + 1, 0, false
			}
		}
	}
	return end, level, inside
}

// sameText fails unless the kernels say what the byte loops do.
func sameText(t *testing.T, b []byte) {
	t.Helper()
	if len(b) >= vectorMin {
		stop, ill := textByte(b)
		if n, bad := textKernel(&b[0], len(b)); bad != ill || !bad && n != stop {
			t.Fatalf("%d bytes, %q: text up to %d, ill %v; want %d, %v", len(b), b, n, bad, stop, ill)
		}
	}
	if len(b) >= escapesMin {
		if n, want := escapesKernel(&b[0], len(b)), escapesByte(b); n != want {
			t.Fatalf("%d bytes, %q: escapes up to %d, want %d", len(b), b, n, want)
		}
	}
}

// sameJudgement fails unless everything that may use vectors does the same to b
// with and without them.
func sameJudgement(t *testing.T, b []byte) {
	t.Helper()
	i, f := str(b, 0)
	appended := AppendStringBytes(nil, b)
	v, err := ParseValue(b)
	var e Error
	if err != nil {
		e = *err.(*Error)
	}
	var m, want Message
	p := NewParser(Limits{})
	parsed := p.Parse(&m, b)
	plainly(func() {
		if n, g := str(b, 0); n != i || g != f {
			t.Fatalf("%q: string up to %d, fault %d; without vectors %d, %d", b, i, f, n, g)
		}
		if x := AppendStringBytes(nil, b); !bytes.Equal(x, appended) {
			t.Fatalf("%q: appended as %q, without vectors %q", b, appended, x)
		}
		plain, err := ParseValue(b)
		switch {
		case err == nil && e.Code == 0:
			if len(plain.Raw()) != len(v.Raw()) || &plain.Raw()[0] != &v.Raw()[0] {
				t.Fatalf("%q: value %q, without vectors %q", b, v.Raw(), plain.Raw())
			}
		case err == nil || err.(*Error).Code != e.Code || err.(*Error).Offset != e.Offset || err.(*Error).Reason != e.Reason:
			t.Fatalf("%q: %v, without vectors %v", b, &e, err)
		}
		if again := p.Parse(&want, b); (again == nil) != (parsed == nil) || again != nil && again.Error() != parsed.Error() {
			t.Fatalf("%q: %v, without vectors %v", b, parsed, again)
		}
		if m.kind != want.kind || m.id != want.id || m.method != want.method || m.params != want.params || m.result != want.result || m.fail != want.fail || m.count != want.count || m.members != want.members || !bytes.Equal(m.Method(), want.Method()) {
			t.Fatalf("%q: parts differ without vectors", b)
		}
	})
	sameSkip(t, v.Raw())
}

// sameSkip fails unless every value in b, which was judged, ends where it does
// without vectors, and the kernel does what the byte loop does.
func sameSkip(t *testing.T, b []byte) {
	t.Helper()
	for i := 0; i < len(b); {
		n, step := 0, 1
		switch b[i] {
		case '"':
			n = skip(b, i)
			step = n - i
		case '{', '[':
			n = skip(b, i)
			if len(b)-i >= skipMin {
				end, level, inside := skipKernel(&b[i], len(b)-i)
				if e, l, in := skipByte(b[i:]); e != end || l != level || in != inside {
					t.Fatalf("%q: %d bytes skipped, %d open, in a string %v; want %d, %d, %v", b[i:], end, level, inside, e, l, in)
				}
			}
		default:
			i++
			continue
		}
		plainly(func() {
			if plain := skip(b, i); plain != n {
				t.Fatalf("%q: a value of %d bytes, without vectors %d", b[i:], n-i, plain-i)
			}
		})
		i += step
	}
}

// vectorPieces are what strings are made of, good and bad.
var vectorPieces = []string{"x", "ud", "é", "€", "😀", `\n`, `\\`, `\"`, `\u00e9`, `\uD7FF`, `\ud83d\ude00`, `\ud83d`, `\x`, `\u12g4`, `"`, "\x1f", "\x00", "\x7f", "\x80", "\xc3", "\xe2\x82", "\xf0\x9f\x98", "\xc0\xaf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xff", "\xbf\xbf"}

// No kernel reads a byte before or behind what it is given, and none is wrong at
// any length, alignment or place of what it looks for.
func TestVectorGuard(t *testing.T) {
	needVectors(t)
	page := guarded(t)
	fills := []string{"x", "é", "€", "\xf0\x9f\x98\x80", `\n`, `\u00e9`, `\\`, "xé", "word слово "}
	for size := range 201 {
		for _, fill := range fills {
			text := []byte(strings.Repeat(fill, size/len(fill)+1)[:size])
			for _, b := range [][]byte{page[len(page)-size:], page[:size:size]} {
				copy(b, text)
				sameText(t, b)
				if _, f := str(b, 0); f <= escaped {
					t.Fatalf("%q: a string without end was accepted", b)
				}
				AppendStringBytes(nil, b)
				for _, c := range []byte{'"', '\\', 0x1f, 0x80} {
					for _, at := range []int{0, size / 2, size - 33, size - 32, size - 17, size - 16, size - 3, size - 2, size - 1} {
						if at < 0 || at >= size {
							continue
						}
						old := b[at]
						b[at] = c
						sameText(t, b)
						b[at] = old
					}
				}
			}
		}
	}
	for _, size := range []int{vectorMin, 64, 67, 96, 128, 160, 199} {
		aligns := 1
		if size == 67 || size == 160 {
			aligns = 32
		}
		for align := range aligns {
			for at := range size {
				for _, piece := range vectorPieces {
					b := page[align : align+size]
					for i := range b {
						b[i] = 'y'
					}
					copy(b[at:], piece)
					sameText(t, b)
				}
			}
		}
	}
}

// Whole messages are judged with their first and last bytes at the edge of what
// can be read, whole and cut anywhere, as they are without vectors.
func TestVectorMessages(t *testing.T) {
	needVectors(t)
	page := guarded(t)
	seeds := mutants()[:12]
	for _, f := range fixtures {
		if len(f.text) < 1000 {
			seeds = append(seeds, f.text)
		}
	}
	for _, seed := range seeds {
		for size := range len(seed) + 1 {
			for _, b := range [][]byte{page[len(page)-size:], page[:size:size]} {
				copy(b, seed)
				sameJudgement(t, b)
			}
		}
	}
}

// Pieces in any order are the same to the kernels and to the byte loops.
func TestVectorPieces(t *testing.T) {
	needVectors(t)
	r := rand.New(rand.NewPCG(21, 22))
	rounds := 30_000
	if testing.Short() {
		rounds = 5000
	}
	var text []byte
	for range rounds {
		text = append(text[:0], strings.Repeat("x", r.IntN(3)*r.IntN(70))...)
		hard := 1 + r.IntN(len(vectorPieces))
		for size := r.IntN(300); len(text) < size; {
			piece := vectorPieces[r.IntN(hard)]
			for range 1 + r.IntN(4)*r.IntN(12) {
				text = append(text, piece...)
			}
		}
		sameText(t, text)
		sameJudgement(t, text)
		sameJudgement(t, append(append([]byte{'"'}, text...), '"'))
	}
}

// Each byte at each place stops the kernels or does not, as it does byte by byte.
func TestVectorBytes(t *testing.T) {
	needVectors(t)
	b := bytes.Repeat([]byte{'x'}, 200)
	for _, size := range []int{vectorMin, 64, 127, len(b)} {
		for at := range size {
			for c := range 256 {
				b[at] = byte(c)
				sameText(t, b[:size])
			}
			b[at] = 'x'
		}
	}
}

// What stops text is found also in ASCII behind other text; a fault behind it is none.
func TestVectorTurns(t *testing.T) {
	needVectors(t)
	b := make([]byte, 150)
	fill := func(letters string, at int) {
		for i := range b {
			b[i] = 'x'
		}
		copy(b[at:], letters)
	}
	for _, letters := range []string{"é", "€", "\xf0\x9f\x98\x80"} {
		for _, at := range []int{0, 1, 14, 31} {
			for stop := at + len(letters); stop < len(b); stop++ {
				for _, piece := range []string{`"`, `\`, "\x1f", "\x80", "\xc3", "é"} {
					fill(letters, at)
					copy(b[stop:], piece)
					sameText(t, b)
				}
			}
		}
		for stop := len(letters); stop < 40; stop++ {
			for behind := stop + 1; behind < 48; behind++ {
				fill(letters, 0)
				b[stop] = '"'
				copy(b[behind:], "\xc3\"")
				sameText(t, b)
			}
		}
	}
}

// Each pair of bytes, and the bytes that decide about three and four, are well
// formed to the kernel if they are to the library, at each place of a vector.
func TestVectorUTF8(t *testing.T) {
	needVectors(t)
	b := make([]byte, 80)
	places := []int{31, 0, 29, 30, 32, 47, 48, 76, 78}
	if testing.Short() {
		places = places[:1] // over the border of a block
	}
	for _, place := range places {
		for first := 0x80; first < 0x100; first++ {
			for second := 0; second < 0x100; second++ {
				for _, rest := range []string{"", "\x80", "\xbf\xbf"} {
					for i := range b {
						b[i] = 'x'
					}
					b[place], b[place+1] = byte(first), byte(second)
					copy(b[place+2:], rest)
					sameText(t, b)
				}
			}
		}
	}
}

// Each byte after a backslash and as each digit of an escape, at each place
// around the border of a block.
func TestVectorEscapes(t *testing.T) {
	needVectors(t)
	b := make([]byte, 128)
	for place := range 80 {
		for _, form := range []string{`\?`, `\u?000`, `\u0?00`, `\u00?0`, `\u000?`, `\\\?`, `\\?`} {
			for c := range 256 {
				for i := range b {
					b[i] = 'x'
				}
				copy(b[place:], strings.Replace(form, "?", string([]byte{byte(c)}), 1))
				sameText(t, b)
			}
		}
	}
}

// Each container of large messages ends where it does without vectors, also
// where the message ends soon after it.
func TestVectorSkip(t *testing.T) {
	needVectors(t)
	page := guarded(t)
	for _, f := range fixtures {
		if len(f.text) < 100_000 {
			sameSkip(t, f.text)
		}
	}
	for depth := range 200 {
		b := page[len(page)-2*depth-70:]
		copy(b, strings.Repeat("[", depth)+strings.Repeat("]", depth)+strings.Repeat("]", 70))
		sameSkip(t, b[:2*depth])
		for i := range depth {
			if n := skip(b, i); n != 2*depth-i {
				t.Fatalf("%d of %d open: skipped %d bytes", i, depth, n-i)
			}
		}
	}
	r := rand.New(rand.NewPCG(23, 24))
	for range 3000 {
		text := randomJSON(r, []byte("["), 5)
		for range r.IntN(3) {
			text = append(append(text, `,"`...), strings.Repeat([]string{"]", "{", `\\`, `\"`, "x", "é"}[r.IntN(6)], r.IntN(150))...)
			text = randomJSON(r, append(text, `",`...), 4)
		}
		if text = append(text, ']'); len(text) > len(page) {
			continue
		}
		if _, err := ParseValue(text); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		for _, b := range [][]byte{page[len(page)-len(text):], page[:len(text):len(text)]} {
			copy(b, text)
			sameSkip(t, b)
		}
	}
}

// Text that was not judged, of which RawValue can be made, ends where it does without
// vectors.
func TestVectorUnjudged(t *testing.T) {
	needVectors(t)
	for _, piece := range vectorPieces {
		for at := range 130 {
			text := []byte(`"` + strings.Repeat("x", at) + piece + strings.Repeat("x", 130-at) + `"`)
			sameSkip(t, text)
			sameSkip(t, append(append([]byte("["), text...), ']'))
		}
	}
}
