//go:build !linux

package scan

import "runtime"

// checkThreads returns wanted: limits are checked on Linux only.
func checkThreads(wanted int) (int, error) { return wanted, nil }

// DefaultWorkers is the default number of folders read at once.
func DefaultWorkers() int { return max(8, min(runtime.NumCPU(), 64)) }
