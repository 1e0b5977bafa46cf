package message

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
)

// Colliding returns n different names of 64 printable bytes that all have the
// same XXH64 value (seed 0), and so have they with one and the same text behind
// each. They are what a peer could send to make a table slow that hashes names
// with nothing else. If first is not 0, they begin with it; n is 10,000 at most.
//
// XXH64 takes 64 bytes as two stripes into four lanes that do not mix until the
// end. In a lane, whatever the first 8 bytes are, 8 more can be computed that
// take it to a value chosen beforehand; of these the printable ones are kept.
func Colliding(n int, first byte) []string {
	const (
		p1      = 11400714785074694791
		p2      = 14029467366897019727
		choices = 10 // a lane
	)
	if n > choices*choices*choices*choices {
		panic("message: no more than 10,000 colliding names")
	}
	rng := rand.New(rand.NewPCG(1, 2))
	inverse := func(p uint64) uint64 { // modulo 2^64, by Newton
		x := p
		for range 6 {
			x *= 2 - p*x
		}
		return x
	}
	i1, i2 := inverse(p1), inverse(p2)
	round := func(acc, in uint64) uint64 { return bits.RotateLeft64(acc+in*p2, 31) * p1 }
	printable := func(w uint64) bool {
		for range 8 {
			if c := byte(w); c <= ' ' || c > '~' || c == '"' || c == '\\' {
				return false
			}
			w >>= 8
		}
		return true
	}
	letters := func() (w uint64) {
		for range 8 {
			w = w<<8 | uint64('a'+rng.IntN(26))
		}
		return w
	}
	var lanes [4][choices][2]uint64
	one, two := uint64(p1), uint64(p2) // variables wrap where constants overflow
	for lane, acc := range [4]uint64{one + two, two, 0, -one} {
		begin := func(w uint64) uint64 {
			if lane == 0 && first != 0 {
				return w&^0xff | uint64(first)
			}
			return w
		}
		target := round(round(acc, begin(letters())), letters())
		for k := 0; k < choices; {
			a := begin(letters())
			b := (bits.RotateLeft64(target*i1, -31) - round(acc, a)) * i2
			if printable(b) {
				lanes[lane][k] = [2]uint64{a, b}
				k++
			}
		}
	}
	names := make([]string, n)
	for i := range names {
		var name []byte
		for stripe := range 2 {
			for lane, k := 0, i; lane < 4; lane, k = lane+1, k/choices {
				name = binary.LittleEndian.AppendUint64(name, lanes[lane][k%choices][stripe])
			}
		}
		names[i] = string(name)
	}
	return names
}
