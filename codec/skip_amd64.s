//go:build !purego

#include "textflag.h"

DATA quote8<>+0(SB)/8, $0x2222222222222222
GLOBL quote8<>(SB), RODATA|NOPTR, $8
DATA slash8<>+0(SB)/8, $0x5c5c5c5c5c5c5c5c
GLOBL slash8<>(SB), RODATA|NOPTR, $8
DATA case8<>+0(SB)/8, $0x2020202020202020
GLOBL case8<>(SB), RODATA|NOPTR, $8
DATA open8<>+0(SB)/8, $0x7b7b7b7b7b7b7b7b
GLOBL open8<>(SB), RODATA|NOPTR, $8
DATA shut8<>+0(SB)/8, $0x7d7d7d7d7d7d7d7d
GLOBL shut8<>(SB), RODATA|NOPTR, $8

// MASK sets a bit of out for each byte of lo and hi that is c.
#define MASK(lo, hi, c, out, tmp) \
	VPCMPEQB  lo, c, Y10 \
	VPCMPEQB  hi, c, Y11 \
	VPMOVMSKB Y10, out \
	VPMOVMSKB Y11, tmp \
	SHLQ      $32, tmp \
	ORQ       tmp, out

// func skipKernel(p *byte, n int) (end int, level int, inside bool)
TEXT ·skipKernel(SB), NOSPLIT, $0-33
	MOVQ p+0(FP), SI
	MOVQ n+8(FP), CX
	XORL AX, AX
	XORL R12, R12 // 1 if the first byte of the block is escaped
	XORL R13, R13 // all ones if the block begins in a string
	XORL DX, DX   // open containers
	SUBQ $64, CX
	VPBROADCASTQ quote8<>(SB), Y0
	VPBROADCASTQ slash8<>(SB), Y1
	VPBROADCASTQ case8<>(SB), Y2
	VPBROADCASTQ open8<>(SB), Y3
	VPBROADCASTQ shut8<>(SB), Y4
	VPCMPEQB X5, X5, X5

	PCALIGN $32
block:
	VMOVDQU (SI)(AX*1), Y8
	VMOVDQU 32(SI)(AX*1), Y9
	MASK(Y8, Y9, Y1, R8, BX)  // backslashes
	MASK(Y8, Y9, Y0, R9, BX)  // quotes
	MOVQ R8, BX
	ORQ  R12, BX
	JEQ  strings

	// What is escaped, as in escapesKernel.
	ANDNQ R8, R12, R8
	LEAQ (R12)(R8*2), R10
	MOVQ $0x5555555555555555, DI
	MOVQ R10, R11
	ORQ  DI, R11
	ANDNQ R8, R11, R11
	XORL R12, R12
	ADDQ R8, R11
	ADCQ $0, R12
	ADDQ R11, R11
	XORQ DI, R11
	ANDQ R10, R11
	ANDNQ R9, R11, R9

	// Multiplied without carries by all ones, each quote turns over all bits
	// from it on: what is left set is in a string.
strings:
	VMOVQ R9, X6
	VPCLMULQDQ $0, X5, X6, X6
	VMOVQ X6, R9
	XORQ R13, R9
	MOVQ R9, R13
	SARQ $63, R13
	VPOR Y8, Y2, Y8
	VPOR Y9, Y2, Y9
	MASK(Y8, Y9, Y3, R10, BX)
	MASK(Y8, Y9, Y4, R11, BX)
	ANDNQ R10, R9, R10        // what opens a container
	ANDNQ R11, R9, R11        // what closes one
	POPCNTQ R11, DI
	CMPQ DI, DX
	JCC  close
after:
	POPCNTQ R10, BX
	ADDQ BX, DX
	SUBQ DI, DX
	ADDQ $64, AX
	CMPQ AX, CX
	JLE  block

	ADDQ R12, AX
	ANDL $1, R13
	JMP  done

	// As many close as were open before, or more: is there one up to which none
	// more was opened?
close:
	MOVQ R11, R8
	XORL R9, R9               // how many close
	TESTQ R8, R8
	JEQ  after
next:
	INCQ R9
	BLSMSKQ R8, BX
	ANDQ R10, BX
	POPCNTQ BX, BX
	ADDQ DX, BX
	CMPQ BX, R9
	JEQ  closed
	BLSRQ R8, R8
	JNE  next
	JMP  after
closed:
	BSFQ R8, BX
	LEAQ 1(AX)(BX*1), AX
	XORL DX, DX
	XORL R13, R13
done:
	VZEROUPPER
	MOVQ AX, end+16(FP)
	MOVQ DX, level+24(FP)
	MOVB R13, inside+32(FP)
	RET
