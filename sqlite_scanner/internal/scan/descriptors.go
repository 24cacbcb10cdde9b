package scan

import (
	"errors"
	"syscall"
	"time"
)

// isOutOfDescriptors reports whether the process or the system is out of file descriptors.
func isOutOfDescriptors(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

// Other workers close descriptors within microseconds; other processes may take longer.
const (
	openRetries   = 50
	openRetryWait = 10 * time.Millisecond
)

// openWithRetry calls open, again while the process is out of descriptors.
func openWithRetry[T any](open func() (T, error)) (T, error) {
	opened, err := open()
	for i := 0; i < openRetries && err != nil && isOutOfDescriptors(err); i++ {
		time.Sleep(openRetryWait)
		opened, err = open()
	}
	return opened, err
}
