//go:build !android

#include "textflag.h"

// The program's entry in the wheels (pyproject.toml: -E main.start), described
// in start_linux.go. Before the runtime has set up anything there is neither a
// stack of Go's nor a goroutine: only registers and system calls.

// func start()
TEXT ·start(SB),NOSPLIT|NOFRAME,$0
	MOVQ $0, DI
	MOVQ ·addressSpace(SB), SI
	MOVQ $0, DX // PROT_NONE
	MOVQ $0x22, R10 // MAP_PRIVATE|MAP_ANONYMOUS
	MOVQ $-1, R8
	MOVQ $0, R9
	MOVQ $9, AX // mmap
	SYSCALL
	CMPQ AX, $-4095
	JCC refused
	MOVQ AX, DI
	MOVQ ·addressSpace(SB), SI
	MOVQ $11, AX // munmap
	SYSCALL
	JMP _rt0_amd64_linux(SB)

refused:
	MOVQ $2, DI
	MOVQ ·tooLittleSpace+0(SB), SI
	MOVQ ·tooLittleSpace+8(SB), DX
	MOVQ $1, AX // write
	SYSCALL
	MOVQ $1, DI
	MOVQ $231, AX // exit_group
	SYSCALL
	INT $3
