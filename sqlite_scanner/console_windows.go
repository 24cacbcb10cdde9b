package main

import (
	"errors"
	"io"
	"os"
	"syscall"
)

func isTerminal(stream io.Writer) bool {
	file, ok := stream.(*os.File)
	var mode uint32
	return ok && syscall.GetConsoleMode(syscall.Handle(file.Fd()), &mode) == nil
}

// errNoData is what Windows says when the reader of a pipe has gone.
const errNoData = syscall.Errno(232) // ERROR_NO_DATA, <winerror.h>

func isBrokenPipe(err error) bool {
	return errors.Is(err, syscall.ERROR_BROKEN_PIPE) || errors.Is(err, errNoData) || errors.Is(err, syscall.EPIPE)
}
