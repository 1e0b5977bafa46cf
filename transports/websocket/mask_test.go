package websocket

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"
)

// maskPlainly is RFC 6455 §5.3 word for word.
func maskPlainly(b []byte, key [4]byte, from int) {
	for i := range b {
		b[i] ^= key[(from+i)%4]
	}
}

func TestMask(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for n := range 200 {
		for range 20 {
			var key [4]byte
			binary.LittleEndian.PutUint32(key[:], rng.Uint32())
			buf := make([]byte, n+16)
			for i := range buf {
				buf[i] = byte(rng.Uint32())
			}
			from := rng.IntN(8) // where in memory, and how far in the payload
			want := bytes.Clone(buf)
			maskPlainly(want[from:from+n], key, from)
			k := turnKey(binary.LittleEndian.Uint32(key[:]), from)
			ascii := mask(buf[from:from+n], k)
			if !bytes.Equal(buf, want) {
				t.Fatalf("%d bytes from %d", n, from)
			}
			plain := true
			for _, c := range buf[from : from+n] {
				plain = plain && c < 0x80
			}
			if ascii != plain {
				t.Fatalf("%d bytes: ascii %v", n, ascii)
			}
		}
	}
}

// A single byte above ASCII is seen wherever it is.
func TestMaskSeesEachByte(t *testing.T) {
	key := binary.LittleEndian.Uint32(aKey[:])
	for n := range 100 {
		for at := range n {
			b := bytes.Repeat([]byte("a"), n)
			b[at] = 0x80
			maskPlainly(b, aKey, 0)
			if mask(b, key) {
				t.Fatalf("byte %d of %d", at, n)
			}
		}
	}
}

func BenchmarkMask(b *testing.B) {
	for _, n := range []int{16, 125, 1024, 64 << 10} {
		buf := make([]byte, n)
		b.Run(fmt.Sprintf("bytes=%d", n), func(b *testing.B) {
			b.SetBytes(int64(n))
			for b.Loop() {
				mask(buf, 0x3D21FA37)
			}
		})
	}
}
