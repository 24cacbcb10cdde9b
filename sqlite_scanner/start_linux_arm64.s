//go:build !android

#include "textflag.h"

// See start_linux_amd64.s.

// func start()
TEXT ·start(SB),NOSPLIT|NOFRAME,$0
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
	B _rt0_arm64_linux(SB)

refused:
	MOVD $2, R0
	MOVD ·tooLittleSpace+0(SB), R1
	MOVD ·tooLittleSpace+8(SB), R2
	MOVD $64, R8 // write
	SVC
	MOVD $1, R0
	MOVD $94, R8 // exit_group
	SVC
	BRK
