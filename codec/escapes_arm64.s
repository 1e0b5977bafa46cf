//go:build !purego

#include "textflag.h"
#include "vector_arm64.h"

// What a byte is, by its lower and its upper half, the tables of which have a
// bit in common: 0f for what may stand after a backslash, u aside, and 30 for
// hexadecimal digits.
DATA kinds<>+0(SB)/8, $0x10343038303d3010
DATA kinds<>+8(SB)/8, $0x0104000200001010
DATA kinds<>+16(SB)/8, $0x0824022010010000
DATA kinds<>+24(SB)/8, $0x0000000000000000
GLOBL kinds<>(SB), RODATA|NOPTR, $32

// STOP marks in Vout the bytes of Vx that are a quote, a control character or no
// ASCII: the comparison with a space is signed. Registers are given by number.
#define STOP(x, Vx, out, Vout, tmp, Vtmp) \
	VCMEQ Vx.B16, V0.B16, Vout.B16 \
	CMGT(2, x, tmp) \
	VORR  Vtmp.B16, Vout.B16, Vout.B16

// KIND sets kind to what the bytes of x are.
#define KIND(x, kind, tmp) \
	VAND  V16.B16, x.B16, tmp.B16 \
	VTBL  tmp.B16, [V17.B16], tmp.B16 \
	VUSHR $4, x.B16, kind.B16 \
	VTBL  kind.B16, [V18.B16], kind.B16 \
	VAND  tmp.B16, kind.B16, kind.B16

// func escapesKernel(p *byte, n int) (stop int)
TEXT ·escapesKernel(SB), NOSPLIT, $0-24
	MOVD p+0(FP), R0
	MOVD n+8(FP), R3
	MOVD R0, R2      // where we are
	ADD  R0, R3
	SUB  $64, R3     // the last place of a whole block
	MOVD ZR, R12     // 1 if a backslash stands before the block that escapes its first byte
	MOVD ZR, R13     // bits of the block that must be hexadecimal digits by what is before
	MOVD $0x5555555555555555, R5
	VMOVI $0x22, V0.B16
	VMOVI $0x5c, V1.B16
	VMOVI $0x20, V2.B16
	WEIGHTS(V3)
	MOVD $kinds<>(SB), R6
	VLD1 (R6), [V17.B16, V18.B16]
	VMOVI $0x0f, V16.B16
	VMOVI $0x30, V19.B16
	VMOVI $0x75, V20.B16
	VMOVI $0x64, V21.B16

block:
	VLD1 (R2), [V4.B16, V5.B16, V6.B16, V7.B16]
	VCMEQ V4.B16, V1.B16, V8.B16
	VCMEQ V5.B16, V1.B16, V9.B16
	VCMEQ V6.B16, V1.B16, V10.B16
	VCMEQ V7.B16, V1.B16, V11.B16
	MASK(V3, V8, V9, V10, V11, R8) // backslashes
	STOP(4, V4, 8, V8, 12, V12)
	STOP(5, V5, 9, V9, 13, V13)
	STOP(6, V6, 10, V10, 14, V14)
	STOP(7, V7, 11, V11, 15, V15)
	MASK(V3, V8, V9, V10, V11, R9) // quotes, control characters, no ASCII
	ORR  R12, R8, R6
	ORR  R13, R6
	CBZ  R6, plain

	// Which bytes are escaped: see escapes_amd64.s.
	BIC  R12, R8           // one that is escaped itself escapes nothing
	ADD  R8<<1, R12, R10   // what stands after one
	ORR  R5, R10, R11
	BIC  R11, R8, R11      // where runs begin at odd bits
	ADDS R8, R11
	ADC  ZR, ZR, R12
	EOR  R11<<1, R5, R11
	AND  R10, R11          // what is escaped

	BIC  R11, R9           // where the string stops
	KIND(V4, V8, V12)
	KIND(V5, V9, V13)
	KIND(V6, V10, V14)
	KIND(V7, V11, V15)
	VCMTST V16.B16, V8.B16, V12.B16
	VCMTST V16.B16, V9.B16, V13.B16
	VCMTST V16.B16, V10.B16, V14.B16
	VCMTST V16.B16, V11.B16, V15.B16
	MASK(V3, V12, V13, V14, V15, R6) // what may be escaped
	BIC  R6, R11, R14      // what may not and is; u among it
	ORR  R13, R14, R6
	CBNZ R6, others
plain:
	CBNZ R9, stopped
	ADD  $64, R2
	CMP  R3, R2
	BLS  block

	// Fewer than 64 bytes are left. Back to the backslash of an escape that is
	// not whole: no digit and no u is one.
end:
	ORR  R13, R12
	CBZ  R12, done
back:
	MOVBU.W -1(R2), R6
	CMP  $0x5c, R6
	BNE  back
done:
	SUB  R0, R2
	MOVD R2, stop+16(FP)
	RET

stopped:
	RBIT R9, R9
	CLZ  R9, R9
	ADD  R9, R2
	B    done

	// Escapes with a u, or none.
others:
	VCMEQ V4.B16, V20.B16, V12.B16
	VCMEQ V5.B16, V20.B16, V13.B16
	VCMEQ V6.B16, V20.B16, V14.B16
	VCMEQ V7.B16, V20.B16, V15.B16
	MASK(V3, V12, V13, V14, V15, R10)
	AND  R11, R10          // the u of an escape
	EOR  R10, R14          // what is no escape
	VORR V2.B16, V4.B16, V12.B16
	VORR V2.B16, V5.B16, V13.B16
	VORR V2.B16, V6.B16, V14.B16
	VORR V2.B16, V7.B16, V15.B16
	VCMEQ V12.B16, V21.B16, V12.B16
	VCMEQ V13.B16, V21.B16, V13.B16
	VCMEQ V14.B16, V21.B16, V14.B16
	VCMEQ V15.B16, V21.B16, V15.B16
	MASK(V3, V12, V13, V14, V15, R7) // d and D: perhaps half a surrogate pair
	LSL  $1, R10, R11
	ORR  R13>>3, R11, R6   // a u right before the block: all four digits are in it
	AND  R6, R7
	ORR  R7, R14
	VCMTST V19.B16, V8.B16, V8.B16
	VCMTST V19.B16, V9.B16, V9.B16
	VCMTST V19.B16, V10.B16, V10.B16
	VCMTST V19.B16, V11.B16, V11.B16
	MASK(V3, V8, V9, V10, V11, R7) // digits
	ORR  R11, R13          // where digits must be
	ORR  R11<<1, R13
	ORR  R11<<2, R13
	ORR  R11<<3, R13
	BIC  R7, R13, R7
	ORR  R7, R14           // what ends this: an escape that is for others
	LSR  $63, R10, R13     // digits in the next block
	ORR  R10>>62, R13
	ORR  R10>>61, R13
	ORR  R10>>60, R13
	ORR  R14, R9, R6
	CBNZ R6, either
	ADD  $64, R2
	CMP  R3, R2
	BLS  block
	B    end
either:
	RBIT R6, R6
	CLZ  R6, R6
	ADD  R6, R2
	LSR  R6, R14
	TBNZ $0, R14, back
	B    done
