//go:build unix

package scan

import (
	"errors"
	"fmt"
	"syscall"
)

// neededPipes are four descriptors: two for Go's runtime, one folder, one file in it.
const neededPipes = 2

// checkDescriptors returns an error when a scan cannot have the descriptors that it
// needs. Without its own, for the first timer or opened file, Go's runtime panics.
func checkDescriptors() error {
	for range neededPipes {
		var ends [2]int
		if err := syscall.Pipe(ends[:]); err != nil {
			return describeOutOfDescriptors(err)
		}
		defer syscall.Close(ends[0])
		defer syscall.Close(ends[1])
	}
	return nil
}

func describeOutOfDescriptors(err error) error {
	var limit syscall.Rlimit
	if !errors.Is(err, syscall.EMFILE) || syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil {
		return fmt.Errorf("too few file descriptors: %w; end some programs, then scan again", err)
	}
	return fmt.Errorf("too few file descriptors: the limit is %d; raise it: ulimit -n %d", limit.Cur, limit.Cur+64)
}
