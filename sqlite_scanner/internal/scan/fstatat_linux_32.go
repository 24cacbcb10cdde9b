//go:build linux && (386 || arm || mips || mipsle)

package scan

import "syscall"

const sysFstatat = syscall.SYS_FSTATAT64
