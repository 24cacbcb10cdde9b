//go:build unix

package main

import (
	"errors"
	"io"
	"os"
	"syscall"
	"unsafe"
)

func isTerminal(stream io.Writer) bool {
	file, ok := stream.(*os.File)
	if !ok {
		return false
	}
	var settings syscall.Termios
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, file.Fd(), ioctlGetTermios, uintptr(unsafe.Pointer(&settings)))
	return errno == 0
}

func isBrokenPipe(err error) bool { return errors.Is(err, syscall.EPIPE) }
