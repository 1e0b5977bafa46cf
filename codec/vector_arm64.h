// What the kernels share. Two instructions have no name in Go's assembler; they
// are given registers by number. The tests of the kernels fail if either is
// another one.

// CMGT sets all bits of the bytes of out where those of b are greater than those
// of a, signed: CMGT Vout.16B, Vb.16B, Va.16B.
#define CMGT(b, a, out) WORD $(0x4e203400 | (a)<<16 | (b)<<5 | (out))

// SHRN4 makes of 16 bytes that are 0 or ff 64 bits, four for each, in the lower
// half of out: SHRN Vout.8B, Vx.8H, #4. It is what there is instead of PMOVMSKB.
#define SHRN4(x, out) WORD $(0x0f0c8400 | (x)<<5 | (out))

// WEIGHTS sets each byte of x to a bit of its own among eight.
#define WEIGHTS(x) \
	MOVD $0x8040201008040201, R6 \
	VMOV R6, x.D2

// MASK sets a bit of out for each byte of a, b, c and d that is ff, the others
// being 0; w holds weights. It changes the four.
#define MASK(w, a, b, c, d, out) \
	VAND  w.B16, a.B16, a.B16 \
	VAND  w.B16, b.B16, b.B16 \
	VAND  w.B16, c.B16, c.B16 \
	VAND  w.B16, d.B16, d.B16 \
	VADDP b.B16, a.B16, a.B16 \
	VADDP d.B16, c.B16, c.B16 \
	VADDP c.B16, a.B16, a.B16 \
	VADDP a.B16, a.B16, a.B16 \
	VMOV  a.D[0], out
