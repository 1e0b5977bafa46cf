//go:build !purego

#include "textflag.h"

// A quote and a backslash at the place of their lower halves, at the others what
// has another lower half: of all bytes only these two find themselves here. (A
// shuffle makes 0 of bytes that are no ASCII.)
DATA marks<>+0(SB)/8, $0xffffffffff22ffff
DATA marks<>+8(SB)/8, $0x00ffff5cffffffff
GLOBL marks<>(SB), RODATA|NOPTR, $16
DATA space8<>+0(SB)/8, $0x2020202020202020
GLOBL space8<>(SB), RODATA|NOPTR, $8
DATA control8<>+0(SB)/8, $0x1f1f1f1f1f1f1f1f
GLOBL control8<>(SB), RODATA|NOPTR, $8
DATA low8<>+0(SB)/8, $0x0f0f0f0f0f0f0f0f
GLOBL low8<>(SB), RODATA|NOPTR, $8

// What is wrong with two bytes that follow each other, a bit for each fault; a
// fault is there if all of three tables have its bit: by the upper and by the
// lower half of the first byte, and by the upper half of the second.
//
//	01  a lead, and no continuation after it
//	02  a continuation after ASCII
//	04  e0 and below a0: an overlong form of three bytes
//	08  f4 and above 8f, or f5 and above: beyond U+10FFFF
//	10  ed and above 9f: a surrogate
//	20  c0 or c1: an overlong form of two bytes
//	40  f5 and above and 80 to 8f; or f0 and below 90: an overlong form of four
//	80  two continuations, which is right only as the end of three or four bytes
DATA firstUpper<>+0(SB)/8, $0x0202020202020202
DATA firstUpper<>+8(SB)/8, $0x4915012180808080
GLOBL firstUpper<>(SB), RODATA|NOPTR, $16
DATA firstLower<>+0(SB)/8, $0xcbcbcb8b8383a3e7
DATA firstLower<>+8(SB)/8, $0xcbcbdbcbcbcbcbcb
GLOBL firstLower<>(SB), RODATA|NOPTR, $16
DATA secondUpper<>+0(SB)/8, $0x0101010101010101
DATA secondUpper<>+8(SB)/8, $0x01010101babaaee6
GLOBL secondUpper<>(SB), RODATA|NOPTR, $16

// Subtracted with saturation, these leave the top bit to leads of three bytes
// and more, and to leads of four.
DATA three8<>+0(SB)/8, $0x6060606060606060
GLOBL three8<>(SB), RODATA|NOPTR, $8
DATA four8<>+0(SB)/8, $0x7070707070707070
GLOBL four8<>(SB), RODATA|NOPTR, $8

DATA top32<>+0(SB)/8, $0x8080808080808080
DATA top32<>+8(SB)/8, $0x8080808080808080
DATA top32<>+16(SB)/8, $0x8080808080808080
DATA top32<>+24(SB)/8, $0x8080808080808080
GLOBL top32<>(SB), RODATA|NOPTR, $32

// ODD marks in out the bytes of x that are a quote, a backslash, a control
// character or no ASCII: the comparison with a space is signed. Y0 holds marks, Y2
// spaces.
#define ODD(x, out, tmp) \
	VPSHUFB  x, Y0, out \
	VPCMPEQB x, out, out \
	VPCMPGTB x, Y2, tmp \
	VPOR     tmp, out, out

// JUDGE judges the 32 bytes in Y3, of which Y4, Y5 and Y6 have those 1, 2 and 3
// places before. It sets bits for quotes, backslashes and control characters in
// BX, for bytes that are no ASCII in R9, and in R8 where UTF-8 is ill-formed, at
// the first byte that shows it. Y0 holds marks, Y7 zeros, Y8 1f, Y9 0f, Y10 to Y12
// the tables, Y13 and Y14 60 and 70; Y2 and Y15 are for use.
#define JUDGE \
	VPSHUFB   Y3, Y0, Y2 \
	VPCMPEQB  Y3, Y2, Y2 \
	VPMINUB   Y3, Y8, Y15 \
	VPCMPEQB  Y3, Y15, Y15 \
	VPOR      Y15, Y2, Y2 \
	VPMOVMSKB Y2, BX \
	VPMOVMSKB Y3, R9 \
	VPSUBUSB  Y13, Y5, Y5 \
	VPSUBUSB  Y14, Y6, Y6 \
	VPOR      Y5, Y6, Y6 \
	VPAND     Y9, Y4, Y15 \
	VPSHUFB   Y15, Y11, Y15 \
	VPSRLW    $4, Y4, Y4 \
	VPAND     Y9, Y4, Y4 \
	VPSHUFB   Y4, Y10, Y4 \
	VPAND     Y15, Y4, Y4 \
	VPSRLW    $4, Y3, Y5 \
	VPAND     Y9, Y5, Y5 \
	VPSHUFB   Y5, Y12, Y5 \
	VPAND     Y5, Y4, Y4 \
	VPAND     top32<>(SB), Y6, Y6 \
	VPXOR     Y6, Y4, Y4 \
	VPCMPEQB  Y7, Y4, Y4 \
	VPMOVMSKB Y4, R8 \
	NOTL      R8

// func textKernel(p *byte, n int) (stop int, ill bool)
TEXT ·textKernel(SB), NOSPLIT, $0-25
	MOVQ p+0(FP), SI
	MOVQ n+8(FP), CX
	XORL AX, AX
	LEAQ -32(CX), DX // the last place of a whole vector
	VBROADCASTI128 marks<>(SB), Y0
	VPBROADCASTQ space8<>(SB), Y2

	// ASCII: two vectors one by one, then four at a time.
one:
	VMOVDQU (SI)(AX*1), Y3
	ODD(Y3, Y4, Y5)
	VPMOVMSKB Y4, BX
	TESTL BX, BX
	JNE  hit
	ADDQ $32, AX
	CMPQ AX, DX
	JGT  tail
	TESTQ $32, AX
	JNE  one
	LEAQ 128(AX), BX
	CMPQ BX, CX
	JGT  one

	PCALIGN $32
four:
	VMOVDQU (SI)(AX*1), Y3
	VMOVDQU 32(SI)(AX*1), Y4
	VMOVDQU 64(SI)(AX*1), Y5
	VMOVDQU 96(SI)(AX*1), Y6
	VPMINSB  Y3, Y4, Y7
	VPMINSB  Y5, Y6, Y8
	VPMINSB  Y7, Y8, Y7
	VPCMPGTB Y7, Y2, Y7
	VPSHUFB  Y3, Y0, Y8
	VPSHUFB  Y4, Y0, Y9
	VPSHUFB  Y5, Y0, Y10
	VPSHUFB  Y6, Y0, Y11
	VPCMPEQB Y3, Y8, Y8
	VPCMPEQB Y4, Y9, Y9
	VPCMPEQB Y5, Y10, Y10
	VPCMPEQB Y6, Y11, Y11
	VPOR Y8, Y9, Y8
	VPOR Y10, Y11, Y10
	VPOR Y7, Y8, Y8
	VPOR Y8, Y10, Y10
	VPMOVMSKB Y10, BX
	TESTL BX, BX
	JNE  one // which finds it
	SUBQ $-128, AX
	LEAQ 128(AX), BX
	CMPQ BX, CX
	JLE  four
	CMPQ AX, DX
	JLE  one

	// The last bytes, with some before them that were judged.
tail:
	CMPQ AX, CX
	JEQ  good
	VMOVDQU (SI)(DX*1), Y3
	ODD(Y3, Y4, Y5)
	VPMOVMSKB Y4, BX
	MOVQ CX, AX
	TESTL BX, BX
	JEQ  good
	MOVQ DX, AX
hit:
	BSFL BX, BX
	ADDQ BX, AX
	CMPB (SI)(AX*1), $0x80
	JCC  multi
good:
	VZEROUPPER
	MOVQ AX, stop+16(FP)
	MOVB $0, ill+24(FP)
	RET

	// From a byte on that is no ASCII and has only ASCII before it, until a whole
	// vector is ASCII.
multi:
	VPXOR Y7, Y7, Y7
	VPBROADCASTQ control8<>(SB), Y8
	VPBROADCASTQ low8<>(SB), Y9
	VBROADCASTI128 firstUpper<>(SB), Y10
	VBROADCASTI128 firstLower<>(SB), Y11
	VBROADCASTI128 secondUpper<>(SB), Y12
	VPBROADCASTQ three8<>(SB), Y13
	VPBROADCASTQ four8<>(SB), Y14
	CMPQ AX, DX
	JGT  multitail
	VMOVDQU (SI)(AX*1), Y3
	VPERM2I128 $0x08, Y3, Y3, Y6 // the lower half above, zeros below
	JMP  multibytes

	PCALIGN $32
multiloop:
	VMOVDQU (SI)(AX*1), Y3
	VMOVDQU -16(SI)(AX*1), Y6
multibytes:
	VPALIGNR $15, Y6, Y3, Y4
	VPALIGNR $14, Y6, Y3, Y5
	VPALIGNR $13, Y6, Y3, Y6
	JUDGE
	TESTL BX, BX
	JNE  stopped
	TESTL R8, R8
	JNE  bad
	ADDQ $32, AX
	TESTL R9, R9
	JEQ  ascii
	CMPQ AX, DX
	JLE  multiloop

multitail:
	CMPQ AX, CX
	JEQ  multiend
	MOVQ DX, AX
	VMOVDQU (SI)(DX*1), Y3
	VMOVDQU -1(SI)(DX*1), Y4
	VMOVDQU -2(SI)(DX*1), Y5
	VMOVDQU -3(SI)(DX*1), Y6
	JUDGE
	TESTL BX, BX
	JNE  stopped
	TESTL R8, R8
	JNE  bad
multiend: // is the last character whole?
	MOVQ CX, AX
	CMPB -1(SI)(AX*1), $0xc0
	JCC  bad
	CMPB -2(SI)(AX*1), $0xe0
	JCC  bad
	CMPB -3(SI)(AX*1), $0xf0
	JCC  bad
	JMP  good

stopped: // a fault behind the stop is none of ours; one at it is of what is before
	LEAL -1(BX), R9
	XORL BX, R9
	BSFL BX, BX
	ADDQ BX, AX
	TESTL R9, R8
	JEQ  good
bad:
	VZEROUPPER
	MOVQ AX, stop+16(FP)
	MOVB $1, ill+24(FP)
	RET

ascii:
	VPBROADCASTQ space8<>(SB), Y2
	CMPQ AX, DX
	JGT  tail
	JMP  one
