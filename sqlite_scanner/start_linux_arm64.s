//go:build !android

#include "textflag.h"

// See start_linux_amd64.s; the message is in R19 and R20.

// func start()
TEXT ·start(SB),NOSPLIT|NOFRAME,$0
	MOVD ·outputClosed+0(SB), R19
	MOVD ·outputClosed+8(SB), R20
	MOVD $1, R0
	MOVD $1, R1 // F_GETFD
	MOVD $25, R8 // fcntl
	SVC
	CMN $4095, R0
	BHI refused

	MOVD ·tooLittleSpace+0(SB), R19
	MOVD ·tooLittleSpace+8(SB), R20
	MOVD $0, R0
	MOVD ·addressSpace(SB), R1
	MOVD $0, R2 // PROT_NONE
	MOVD $0x22, R3 // MAP_PRIVATE|MAP_ANONYMOUS
	MOVD $-1, R4
	MOVD $0, R5
	MOVD $222, R8 // mmap
	SVC
	CMN $4095, R0
	BHI refused
	MOVD ·addressSpace(SB), R1
	MOVD $215, R8 // munmap
	SVC

	MOVD ·tooLittleData+0(SB), R19
	MOVD ·tooLittleData+8(SB), R20
	MOVD $0, R0
	MOVD ·dataSize(SB), R1
	MOVD $3, R2 // PROT_READ|PROT_WRITE
	MOVD $0x22, R3
	MOVD $-1, R4
	MOVD $0, R5
	MOVD $222, R8
	SVC
	CMN $4095, R0
	BHI refused
	MOVD ·dataSize(SB), R1
	MOVD $215, R8
	SVC
	B _rt0_arm64_linux(SB)

refused:
	MOVD $2, R0
	MOVD R19, R1
	MOVD R20, R2
	MOVD $64, R8 // write
	SVC
	MOVD $1, R0
	MOVD $94, R8 // exit_group
	SVC
	BRK
