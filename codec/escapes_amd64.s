//go:build !purego

#include "textflag.h"

// What a byte is, by its lower and its upper half, the tables of which have a
// bit in common: 0f for what may stand after a backslash, u aside, and 30 for
// hexadecimal digits.
DATA kindLower<>+0(SB)/8, $0x10343038303d3010
DATA kindLower<>+8(SB)/8, $0x0104000200001010
GLOBL kindLower<>(SB), RODATA|NOPTR, $16
DATA kindUpper<>+0(SB)/8, $0x0824022010010000
DATA kindUpper<>+8(SB)/8, $0x0000000000000000
GLOBL kindUpper<>(SB), RODATA|NOPTR, $16
DATA quote8<>+0(SB)/8, $0x2222222222222222
GLOBL quote8<>(SB), RODATA|NOPTR, $8
DATA slash8<>+0(SB)/8, $0x5c5c5c5c5c5c5c5c
GLOBL slash8<>(SB), RODATA|NOPTR, $8
DATA space8<>+0(SB)/8, $0x2020202020202020
GLOBL space8<>(SB), RODATA|NOPTR, $8
DATA low8<>+0(SB)/8, $0x0f0f0f0f0f0f0f0f
GLOBL low8<>(SB), RODATA|NOPTR, $8
DATA digit8<>+0(SB)/8, $0x3030303030303030
GLOBL digit8<>(SB), RODATA|NOPTR, $8
DATA u8<>+0(SB)/8, $0x7575757575757575
GLOBL u8<>(SB), RODATA|NOPTR, $8
DATA d8<>+0(SB)/8, $0x6464646464646464
GLOBL d8<>(SB), RODATA|NOPTR, $8

// MASK sets a bit of out for each byte of lo and hi that has its top bit set.
#define MASK(lo, hi, out, tmp) \
	VPMOVMSKB lo, out \
	VPMOVMSKB hi, tmp \
	SHLQ      $32, tmp \
	ORQ       tmp, out

// KIND sets kind to what the bytes of x are.
#define KIND(x, kind, tmp) \
	VPAND   Y4, x, tmp \
	VPSHUFB tmp, Y5, tmp \
	VPSRLW  $4, x, kind \
	VPAND   Y4, kind, kind \
	VPSHUFB kind, Y6, kind \
	VPAND   tmp, kind, kind

// func escapesKernel(p *byte, n int) (stop int)
TEXT ·escapesKernel(SB), NOSPLIT, $0-24
	MOVQ p+0(FP), SI
	MOVQ n+8(FP), CX
	XORL AX, AX
	XORL R12, R12 // 1 if a backslash stands before the block that escapes its first byte
	XORL R13, R13 // bits of the block that must be hexadecimal digits by what is before
	SUBQ $64, CX  // the last place of a whole block
	VPBROADCASTQ quote8<>(SB), Y0
	VPBROADCASTQ slash8<>(SB), Y1
	VPBROADCASTQ space8<>(SB), Y2
	VPXOR Y3, Y3, Y3
	VPBROADCASTQ low8<>(SB), Y4
	VBROADCASTI128 kindLower<>(SB), Y5
	VBROADCASTI128 kindUpper<>(SB), Y6
	VPBROADCASTQ digit8<>(SB), Y7

	PCALIGN $32
block:
	VMOVDQU (SI)(AX*1), Y8
	VMOVDQU 32(SI)(AX*1), Y9
	VPCMPEQB Y8, Y1, Y10
	VPCMPEQB Y9, Y1, Y11
	MASK(Y10, Y11, R8, BX) // backslashes
	VPCMPEQB Y8, Y0, Y10
	VPCMPGTB Y8, Y2, Y11
	VPOR Y11, Y10, Y10
	VPCMPEQB Y9, Y0, Y11
	VPCMPGTB Y9, Y2, Y12
	VPOR Y12, Y11, Y11
	MASK(Y10, Y11, R9, BX) // quotes, control characters, no ASCII
	MOVQ R8, BX
	ORQ  R12, BX
	ORQ  R13, BX
	JEQ  plain

	// Which bytes are escaped: in a run of backslashes, and at the byte after
	// it, every second. A run that begins at an odd bit is carried away by the
	// addition, and then the other half is meant.
	ANDNQ R8, R12, R8         // one that is escaped itself escapes nothing
	LEAQ (R12)(R8*2), R10     // what stands after one
	MOVQ $0x5555555555555555, DI
	MOVQ R10, R11
	ORQ  DI, R11
	ANDNQ R8, R11, R11        // where runs begin at odd bits
	XORL R12, R12
	ADDQ R8, R11
	ADCQ $0, R12
	ADDQ R11, R11
	XORQ DI, R11
	ANDQ R10, R11             // what is escaped

	ANDNQ R9, R11, R9         // where the string stops
	KIND(Y8, Y10, Y11)
	KIND(Y9, Y11, Y12)
	VPAND Y4, Y10, Y12
	VPAND Y4, Y11, Y13
	VPCMPEQB Y3, Y12, Y12
	VPCMPEQB Y3, Y13, Y13
	MASK(Y12, Y13, DX, BX)    // what may not be escaped
	ANDQ R11, DX              // and is; u among it
	JNE  others
	TESTQ R13, R13
	JNE  others
	TESTQ R9, R9
	JNE  stopped
	ADDQ $64, AX
	CMPQ AX, CX
	JLE  block
	JMP  end

plain:
	TESTQ R9, R9
	JNE  stopped
	ADDQ $64, AX
	CMPQ AX, CX
	JLE  block

	// Fewer than 64 bytes are left. Back to the backslash of an escape that is
	// not whole: no digit and no u is one.
end:
	ORQ  R13, R12
	JEQ  done
back:
	DECQ AX
	CMPB (SI)(AX*1), $0x5c
	JNE  back
done:
	VZEROUPPER
	MOVQ AX, stop+16(FP)
	RET

stopped:
	BSFQ R9, R9
	ADDQ R9, AX
	JMP  done

	// Escapes with a u, or none.
others:
	VPBROADCASTQ u8<>(SB), Y12
	VPCMPEQB Y8, Y12, Y13
	VPCMPEQB Y9, Y12, Y12
	MASK(Y13, Y12, R10, BX)
	ANDQ R11, R10             // the u of an escape
	XORQ R10, DX              // what is no escape
	VPBROADCASTQ d8<>(SB), Y14
	VPBROADCASTQ space8<>(SB), Y15
	VPOR Y8, Y15, Y12
	VPOR Y9, Y15, Y13
	VPCMPEQB Y12, Y14, Y12
	VPCMPEQB Y13, Y14, Y13
	MASK(Y12, Y13, DI, BX)    // d and D: perhaps half a surrogate pair
	LEAQ (R10)(R10*1), R11
	MOVQ R13, BX
	SHRQ $3, BX               // a u right before the block: all four digits are in it
	ORQ  R11, BX
	ANDQ BX, DI
	ORQ  DI, DX
	VPAND Y7, Y10, Y10
	VPAND Y7, Y11, Y11
	VPCMPEQB Y3, Y10, Y10
	VPCMPEQB Y3, Y11, Y11
	MASK(Y10, Y11, DI, BX)    // no digits
	ORQ  R11, R13             // where digits must be
	LEAQ (R11)(R11*1), BX
	ORQ  BX, R13
	SHLQ $2, R11
	ORQ  R11, R13
	ADDQ R11, R11
	ORQ  R11, R13
	ANDQ R13, DI
	ORQ  DI, DX               // what ends this: an escape that is for others
	MOVQ R10, R13             // digits in the next block
	SHRQ $63, R13
	MOVQ R10, BX
	SHRQ $62, BX
	ORQ  BX, R13
	MOVQ R10, BX
	SHRQ $61, BX
	ORQ  BX, R13
	SHRQ $60, R10
	ORQ  R10, R13
	MOVQ R9, BX
	ORQ  DX, BX
	JNE  either
	ADDQ $64, AX
	CMPQ AX, CX
	JLE  block
	JMP  end
either:
	BSFQ BX, BX
	ADDQ BX, AX
	BTQ  BX, DX
	JCS  back
	JMP  done
