//go:build !android

#include "textflag.h"

// The program's entry in the wheels (pyproject.toml: -E main.start), described
// in start_linux.go. Before the runtime has set up anything there is neither a
// stack of Go's nor a goroutine: only registers and system calls, which leave R12
// and R13 alone: the message to print should the next call be refused.

// func start()
TEXT ·start(SB),NOSPLIT|NOFRAME,$0
	MOVQ ·outputClosed+0(SB), R12
	MOVQ ·outputClosed+8(SB), R13
	MOVQ $1, DI
	MOVQ $1, SI // F_GETFD
	MOVQ $72, AX // fcntl
	SYSCALL
	CMPQ AX, $-4095
	JCC refused

	MOVQ ·tooLittleSpace+0(SB), R12
	MOVQ ·tooLittleSpace+8(SB), R13
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

	MOVQ ·tooLittleData+0(SB), R12
	MOVQ ·tooLittleData+8(SB), R13
	MOVQ $0, DI
	MOVQ ·dataSize(SB), SI
	MOVQ $3, DX // PROT_READ|PROT_WRITE
	MOVQ $0x22, R10
	MOVQ $-1, R8
	MOVQ $0, R9
	MOVQ $9, AX
	SYSCALL
	CMPQ AX, $-4095
	JCC refused
	MOVQ AX, DI
	MOVQ ·dataSize(SB), SI
	MOVQ $11, AX
	SYSCALL
	JMP _rt0_amd64_linux(SB)

refused:
	MOVQ $2, DI
	MOVQ R12, SI
	MOVQ R13, DX
	MOVQ $1, AX // write
	SYSCALL
	MOVQ $1, DI
	MOVQ $231, AX // exit_group
	SYSCALL
	INT $3
