//go:build !purego

#include "textflag.h"
#include "vector_arm64.h"

// EQUAL sets a bit of out for each byte of V4 to V7 that is c.
#define EQUAL(c, out) \
	VCMEQ V4.B16, c.B16, V8.B16 \
	VCMEQ V5.B16, c.B16, V9.B16 \
	VCMEQ V6.B16, c.B16, V10.B16 \
	VCMEQ V7.B16, c.B16, V11.B16 \
	MASK(V3, V8, V9, V10, V11, out)

// COUNT sets out to how many bits of x are set.
#define COUNT(x, out) \
	VMOV    x, V12.D[0] \
	VCNT    V12.B8, V12.B8 \
	VUADDLV V12.B8, V12 \
	VMOV    V12.D[0], out

// func skipKernel(p *byte, n int) (end int, level int, inside bool)
TEXT ·skipKernel(SB), NOSPLIT, $0-33
	MOVD p+0(FP), R0
	MOVD n+8(FP), R3
	MOVD R0, R2      // where we are
	ADD  R0, R3
	SUB  $64, R3     // the last place of a whole block
	MOVD ZR, R12     // 1 if the first byte of the block is escaped
	MOVD ZR, R13     // all ones if the block begins in a string
	MOVD ZR, R4      // open containers
	MOVD $0x5555555555555555, R5
	VMOVI $0x22, V0.B16
	VMOVI $0x5c, V1.B16
	VMOVI $0x20, V2.B16
	WEIGHTS(V3)
	VMOVI $0x7b, V16.B16
	VMOVI $0x7d, V17.B16

block:
	VLD1 (R2), [V4.B16, V5.B16, V6.B16, V7.B16]
	EQUAL(V1, R8)          // backslashes
	EQUAL(V0, R9)          // quotes
	ORR  R12, R8, R6
	CBZ  R6, strings

	// What is escaped: see escapes_amd64.s.
	BIC  R12, R8
	ADD  R8<<1, R12, R10
	ORR  R5, R10, R11
	BIC  R11, R8, R11
	ADDS R8, R11
	ADC  ZR, ZR, R12
	EOR  R11<<1, R5, R11
	AND  R10, R11
	BIC  R11, R9

	// Each quote turns over all bits from it on: what is left set is in a string.
strings:
	EOR  R9<<1, R9
	EOR  R9<<2, R9
	EOR  R9<<4, R9
	EOR  R9<<8, R9
	EOR  R9<<16, R9
	EOR  R9<<32, R9
	EOR  R13, R9
	ASR  $63, R9, R13
	CMN  $1, R9
	BEQ  onward            // all of it is
	VORR V2.B16, V4.B16, V4.B16
	VORR V2.B16, V5.B16, V5.B16
	VORR V2.B16, V6.B16, V6.B16
	VORR V2.B16, V7.B16, V7.B16
	EQUAL(V16, R10)
	EQUAL(V17, R11)
	BIC  R9, R10           // what opens a container
	BIC  R9, R11           // what closes one
	COUNT(R11, R7)
	CMP  R4, R7
	BHS  close
after:
	COUNT(R10, R6)
	ADD  R6, R4
	SUB  R7, R4
onward:
	ADD  $64, R2
	CMP  R3, R2
	BLS  block

	ADD  R12, R2
	AND  $1, R13
	B    done

	// As many close as were open before, or more: is there one up to which none
	// more was opened?
close:
	MOVD ZR, R9            // how many close
	CBZ  R11, after
nextclose:
	ADD  $1, R9
	SUB  $1, R11, R8
	EOR  R11, R8, R6
	AND  R10, R6
	COUNT(R6, R6)
	ADD  R4, R6
	CMP  R6, R9
	BEQ  closed
	ANDS R8, R11
	BNE  nextclose
	B    after
closed:
	RBIT R11, R11
	CLZ  R11, R11
	ADD  R11, R2
	ADD  $1, R2
	MOVD ZR, R4
	MOVD ZR, R13
done:
	SUB  R0, R2
	MOVD R2, end+16(FP)
	MOVD R4, level+24(FP)
	MOVB R13, inside+32(FP)
	RET
