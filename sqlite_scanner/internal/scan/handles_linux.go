package scan

import (
	"os"
	"runtime"
	"sync/atomic"
	"syscall"
)

// handleBudget limits how many folders stay open for the sake of children
// that are yet to be opened.
type handleBudget struct {
	open  atomic.Int64
	limit int64
}

const (
	handlesSpare     = 8 // for the runtime, mountinfo, standard library
	handlesPerWorker = 3 // a folder, a file, one more on the way
	fallbackHandles  = 256
)

// planHandles returns how many workers the free handles of this process
// allow, and how many handles are left for folders waiting for children.
func planHandles(wanted, free int) (workers int, waiting int64) {
	workers = max(1, min(wanted, (free-handlesSpare)/handlesPerWorker))
	return workers, int64(max(0, free-handlesSpare-workers*handlesPerWorker))
}

// freeHandles counts how many more handles this process may open.
func freeHandles() int {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil {
		return fallbackHandles
	}
	free := int(min(limit.Cur, 1<<20))
	if entries, err := os.ReadDir("/proc/self/fd"); err == nil {
		free -= len(entries)
	}
	return free
}

// raiseSlots lets as many goroutines sit in the kernel at once as there are
// workers, and some more run; the function it returns undoes that.
func raiseSlots(workers int) (restore func()) {
	before := runtime.GOMAXPROCS(0)
	if before >= workers+2 {
		return func() {}
	}
	runtime.GOMAXPROCS(workers + 2)
	return func() { runtime.GOMAXPROCS(before) }
}
