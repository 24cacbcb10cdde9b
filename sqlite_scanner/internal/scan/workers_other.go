//go:build !linux

package scan

import "runtime"

// checkThreads knows of no limits here.
func checkThreads(wanted int) (int, error) { return wanted, nil }

// DefaultWorkers is the number of folders read at once when none is asked for.
func DefaultWorkers() int { return max(8, min(runtime.NumCPU(), 64)) }
