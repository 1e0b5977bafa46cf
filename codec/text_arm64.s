//go:build !purego

#include "textflag.h"
#include "vector_arm64.h"

// What is wrong with two bytes that follow each other: see text_amd64.s.
DATA pairs<>+0(SB)/8, $0x0202020202020202 // by the upper half of the first
DATA pairs<>+8(SB)/8, $0x4915012180808080
DATA pairs<>+16(SB)/8, $0xcbcbcb8b8383a3e7 // by its lower half
DATA pairs<>+24(SB)/8, $0xcbcbdbcbcbcbcbcb
DATA pairs<>+32(SB)/8, $0x0101010101010101 // by the upper half of the second
DATA pairs<>+40(SB)/8, $0x01010101babaaee6
GLOBL pairs<>(SB), RODATA|NOPTR, $48

// By the upper half of a byte, the top bit for leads of three bytes and more, and
// for leads of four.
DATA leads<>+0(SB)/8, $0x0000000000000000
DATA leads<>+8(SB)/8, $0x8080000000000000
DATA leads<>+16(SB)/8, $0x0000000000000000
DATA leads<>+24(SB)/8, $0x8000000000000000
GLOBL leads<>(SB), RODATA|NOPTR, $32

// ODD marks in Vout the bytes of Vx that are a quote, a backslash, a control
// character or no ASCII: the comparison with a space is signed. Registers are given
// by number, and tmp is another one. V0 holds quotes, V1 backslashes, V2 spaces.
#define ODD(x, Vx, out, Vout, tmp, Vtmp) \
	VCMEQ Vx.B16, V0.B16, Vout.B16 \
	VCMEQ Vx.B16, V1.B16, Vtmp.B16 \
	VORR  Vtmp.B16, Vout.B16, Vout.B16 \
	CMGT(2, x, tmp) \
	VORR  Vtmp.B16, Vout.B16, Vout.B16

// JUDGE judges the 16 bytes in V3, of which V4, V5 and V6 have those 1, 2 and 3
// places before. It marks quotes, backslashes and control characters in V8, and sets
// bits in V9 where UTF-8 is ill-formed, at the first byte that shows it. V16 holds
// 0f, V17 to V19 pairs, V20 1f, V21 and V22 leads; all from V4 to V9 but V7 are
// for use.
#define JUDGE \
	VCMEQ V3.B16, V0.B16, V8.B16 \
	VCMEQ V3.B16, V1.B16, V9.B16 \
	VORR  V9.B16, V8.B16, V8.B16 \
	VUMIN V3.B16, V20.B16, V9.B16 \
	VCMEQ V3.B16, V9.B16, V9.B16 \
	VORR  V9.B16, V8.B16, V8.B16 \
	VUSHR $4, V5.B16, V5.B16 \
	VTBL  V5.B16, [V21.B16], V5.B16 \
	VUSHR $4, V6.B16, V6.B16 \
	VTBL  V6.B16, [V22.B16], V6.B16 \
	VORR  V6.B16, V5.B16, V5.B16 \
	VUSHR $4, V4.B16, V6.B16 \
	VTBL  V6.B16, [V17.B16], V6.B16 \
	VAND  V16.B16, V4.B16, V4.B16 \
	VTBL  V4.B16, [V18.B16], V4.B16 \
	VAND  V6.B16, V4.B16, V4.B16 \
	VUSHR $4, V3.B16, V6.B16 \
	VTBL  V6.B16, [V19.B16], V6.B16 \
	VAND  V6.B16, V4.B16, V4.B16 \
	VEOR  V5.B16, V4.B16, V9.B16

// EITHER sets four bits of out for each byte that has bits in V8 or V9.
#define EITHER(out) \
	VORR   V9.B16, V8.B16, V10.B16 \
	VCMTST V10.B16, V10.B16, V10.B16 \
	SHRN4(10, 10) \
	VMOV   V10.D[0], out

// func textKernel(p *byte, n int) (stop int, ill bool)
TEXT ·textKernel(SB), NOSPLIT, $0-25
	MOVD p+0(FP), R0
	MOVD n+8(FP), R3
	MOVD R0, R2      // where we are
	ADD  R0, R3      // the end
	SUB  $16, R3, R4 // the last place of a whole vector
	SUB  $64, R3, R5 // of four
	MOVD ZR, R9      // 1 if the registers for text that is not all ASCII are set
	VMOVI $0x22, V0.B16
	VMOVI $0x5c, V1.B16
	VMOVI $0x20, V2.B16

	// ASCII: one vector, then four at a time.
one:
	VLD1 (R2), [V3.B16]
	ODD(3, V3, 8, V8, 9, V9)
	SHRN4(8, 8)
	VMOV V8.D[0], R6
	CBNZ R6, hit
	ADD  $16, R2
	CMP  R5, R2
	BHI  less
four:
	VLD1 (R2), [V3.B16, V4.B16, V5.B16, V6.B16]
	ODD(3, V3, 8, V8, 12, V12)
	ODD(4, V4, 9, V9, 13, V13)
	ODD(5, V5, 10, V10, 14, V14)
	ODD(6, V6, 11, V11, 15, V15)
	VORR V8.B16, V9.B16, V12.B16
	VORR V10.B16, V11.B16, V13.B16
	VORR V12.B16, V13.B16, V12.B16
	VADDP V12.D2, V12.D2, V12.D2 // of bytes that are 0 or ff, 0 only if all are
	VMOV V12.D[0], R6
	CBNZ R6, which
	ADD  $64, R2
	CMP  R5, R2
	BLS  four
less:
	CMP  R4, R2
	BLS  one

	// The last bytes, with some before them that were judged.
	CMP  R3, R2
	BEQ  good
	VLD1 (R4), [V3.B16]
	ODD(3, V3, 8, V8, 9, V9)
	SHRN4(8, 8)
	VMOV V8.D[0], R6
	MOVD R3, R2
	CBZ  R6, good
	MOVD R4, R2
hit:
	RBIT R6, R6
	CLZ  R6, R6
	ADD  R6>>2, R2
odd:
	MOVBU (R2), R6
	TBNZ $7, R6, multi
good:
	SUB  R0, R2
	MOVD R2, stop+16(FP)
	MOVB ZR, ill+24(FP)
	RET

which:
	WEIGHTS(V12)
	MASK(V12, V8, V9, V10, V11, R6)
	RBIT R6, R6
	CLZ  R6, R6
	ADD  R6, R2
	B    odd

	// From a byte on that is no ASCII and has only ASCII before it, until a whole
	// vector is ASCII.
multi:
	CBNZ R9, ready
	MOVD $1, R9
	MOVD $pairs<>(SB), R6
	VLD1 (R6), [V17.B16, V18.B16, V19.B16]
	MOVD $leads<>(SB), R6
	VLD1 (R6), [V21.B16, V22.B16]
	VMOVI $0x0f, V16.B16
	VMOVI $0x1f, V20.B16
	VMOVI $0x80, V23.B16
ready:
	VMOVI $0, V7.B16 // the vector before
	CMP  R4, R2
	BHI  multitail
multiloop:
	VLD1 (R2), [V3.B16]
	VEXT $15, V3.B16, V7.B16, V4.B16
	VEXT $14, V3.B16, V7.B16, V5.B16
	VEXT $13, V3.B16, V7.B16, V6.B16
	VMOV V3.B16, V7.B16
	JUDGE
	EITHER(R6)
	CBNZ R6, stopped
	ADD  $16, R2
	VCMTST V23.B16, V3.B16, V10.B16
	VADDP V10.D2, V10.D2, V10.D2
	VMOV V10.D[0], R6
	CBZ  R6, less
	CMP  R4, R2
	BLS  multiloop
	CMP  R3, R2
	BEQ  multiend
multitail:
	MOVD R4, R2
	VLD1 (R2), [V3.B16]
	FMOVQ -1(R2), F4
	FMOVQ -2(R2), F5
	FMOVQ -3(R2), F6
	JUDGE
	EITHER(R6)
	CBNZ R6, stopped
multiend: // is the last character whole?
	MOVD R3, R2
	MOVBU -1(R2), R6
	CMP  $0xc0, R6
	BHS  bad
	MOVBU -2(R2), R6
	CMP  $0xe0, R6
	BHS  bad
	MOVBU -3(R2), R6
	CMP  $0xf0, R6
	BHS  bad
	B    good

stopped: // a fault behind the stop is none of ours; one at it is of what is before
	VCMTST V9.B16, V9.B16, V9.B16
	SHRN4(9, 9)
	VMOV V9.D[0], R7
	RBIT R6, R6
	CLZ  R6, R6
	LSR  R6, R7
	TBNZ $0, R7, bad
	ADD  R6>>2, R2
	B    good
bad:
	SUB  R0, R2
	MOVD R2, stop+16(FP)
	MOVD $1, R6
	MOVB R6, ill+24(FP)
	RET
