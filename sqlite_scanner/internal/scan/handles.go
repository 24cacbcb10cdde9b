package scan

import (
	"errors"
	"syscall"
	"time"
)

// isShortOfHandles reports that the process or the system has no file handle
// left just now.
func isShortOfHandles(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

// Other workers give handles back within microseconds; other processes may
// take their time.
const (
	handleRetries = 50
	handleWait    = 10 * time.Millisecond
)

// withHandle tries to open something again while there are too few handles.
func withHandle[T any](open func() (T, error)) (T, error) {
	opened, err := open()
	for i := 0; i < handleRetries && err != nil && isShortOfHandles(err); i++ {
		time.Sleep(handleWait)
		opened, err = open()
	}
	return opened, err
}
