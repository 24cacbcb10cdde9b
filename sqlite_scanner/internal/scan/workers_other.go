//go:build !linux

package scan

import "runtime"

// DefaultWorkers is the number of folders read at once when none is asked for.
func DefaultWorkers() int { return max(8, min(runtime.NumCPU(), 64)) }
