package scan

import (
	"os"
	"runtime"
	"sync/atomic"
	"syscall"
)

// descriptorBudget limits how many folders stay open for children to be opened.
type descriptorBudget struct {
	open  atomic.Int64
	limit int64
}

const (
	reservedDescriptors  = 8 // for the runtime, mountinfo, standard library
	descriptorsPerWorker = 3 // a folder, a file, one more on the way
	fallbackDescriptors  = 256
)

// planDescriptors returns how many workers the free descriptors of this process
// allow, and how many descriptors are left for folders waiting for children.
func planDescriptors(wanted, free int) (workers int, waiting int64) {
	workers = max(1, min(wanted, (free-reservedDescriptors)/descriptorsPerWorker))
	return workers, int64(max(0, free-reservedDescriptors-workers*descriptorsPerWorker))
}

// countFreeDescriptors counts how many more descriptors this process may open.
func countFreeDescriptors() int {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil {
		return fallbackDescriptors
	}
	free := int(min(limit.Cur, 1<<20))
	if entries, err := os.ReadDir("/proc/self/fd"); err == nil {
		free -= len(entries)
	}
	return free
}

// raiseGOMAXPROCS lets every worker be in a system call while two other goroutines run.
// It returns a function that restores the old value.
func raiseGOMAXPROCS(workers int) (restore func()) {
	before := runtime.GOMAXPROCS(0)
	if before >= workers+2 {
		return func() {}
	}
	runtime.GOMAXPROCS(workers + 2)
	return func() { runtime.GOMAXPROCS(before) }
}
