package websocket

import "errors"

// bitReader reads a deflate stream (RFC 1951) just far enough to tell how far back
// it refers. It is slow and has nothing in common with what it judges.
type bitReader struct {
	b  []byte
	at int // in bits
}

var errBits = errors.New("the stream ends, or is none")

func (r *bitReader) bits(n int) int {
	v := 0
	for i := range n {
		if r.at/8 >= len(r.b) {
			panic(errBits)
		}
		v |= int(r.b[r.at/8]>>(r.at%8)&1) << i
		r.at++
	}
	return v
}

// code is one symbol's: its length and bits, the first one read highest.
type code struct{ n, bits int }

// codesOf gives the codes to lengths (RFC 1951 §3.2.2).
func codesOf(lengths []int) map[code]int {
	codes, next := map[code]int{}, 0
	for n := 1; n <= 15; n++ {
		for symbol, l := range lengths {
			if l == n {
				codes[code{n, next}] = symbol
				next++
			}
		}
		next <<= 1
	}
	return codes
}

func (r *bitReader) symbol(codes map[code]int) int {
	var c code
	for c.n = 1; c.n <= 15; c.n++ {
		c.bits = c.bits<<1 | r.bits(1)
		if s, ok := codes[c]; ok {
			return s
		}
	}
	panic(errBits)
}

var (
	lengthExtra = []int{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0}
	distBase    = []int{1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577}
	lengthOrder = []int{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}
)

// distances returns the largest distance in the stream.
func (r *bitReader) distances() (most int, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = errBits
		}
	}()
	for last := 0; last == 0; {
		last = r.bits(1)
		switch r.bits(2) {
		case 0:
			r.at = (r.at + 7) &^ 7
			n := r.bits(16)
			r.at += 16 + 8*n
		case 1:
			lit := make([]int, 288)
			for i := range lit {
				lit[i] = [4]int{8, 9, 7, 8}[b2i(i >= 144)+b2i(i >= 256)+b2i(i >= 280)]
			}
			dist := make([]int, 30)
			for i := range dist {
				dist[i] = 5
			}
			most = max(most, r.block(codesOf(lit), codesOf(dist)))
		case 2:
			lits, dists, n := r.bits(5)+257, r.bits(5)+1, r.bits(4)+4
			var order [19]int
			for _, at := range lengthOrder[:n] {
				order[at] = r.bits(3)
			}
			lengths := r.lengths(codesOf(order[:]), lits+dists)
			most = max(most, r.block(codesOf(lengths[:lits]), codesOf(lengths[lits:])))
		default:
			panic(errBits)
		}
	}
	return most, nil
}

// lengths reads the code lengths of a dynamic block (RFC 1951 §3.2.7).
func (r *bitReader) lengths(codes map[code]int, n int) (l []int) {
	for len(l) < n {
		s, times, value := r.symbol(codes), 1, 0
		switch {
		case s < 16:
			value = s
		case s == 16:
			value, times = l[len(l)-1], 3+r.bits(2)
		case s == 17:
			times = 3 + r.bits(3)
		default:
			times = 11 + r.bits(7)
		}
		for range times {
			l = append(l, value)
		}
	}
	return l
}

func (r *bitReader) block(lit, dist map[code]int) (most int) {
	for {
		s := r.symbol(lit)
		switch {
		case s == 256:
			return most
		case s > 256:
			r.bits(lengthExtra[s-257])
			d := r.symbol(dist)
			most = max(most, distBase[d]+r.bits(max(0, d/2-1)))
		}
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}
