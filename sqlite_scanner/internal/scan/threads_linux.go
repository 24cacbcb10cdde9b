package scan

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Go ends the program with a dump of all its goroutines when the system refuses
// it a thread. So a scan starts no more workers than there is room for.

const (
	resourceProcesses = 6    // RLIMIT_NPROC, <asm-generic/resource.h>
	plentyOfProcesses = 4096 // a limit not worth counting for
	threadsSpare      = 4    // the runtime starts some when calls take long
	threadsPerWorker  = 2    // its own, and another that runs while it waits
)

// planThreads returns how many workers the free threads allow; 0 is too few
// for a scan.
func planThreads(wanted, free int) int {
	return max(0, min(wanted, (free-threadsSpare)/threadsPerWorker))
}

// checkThreads returns how many workers there is room for, and an error when
// there is none.
func checkThreads(wanted int) (int, error) {
	limit, used := processLimit()
	if group, groupUsed := groupLimit("/sys/fs/cgroup"); group-groupUsed < limit-used {
		limit, used = group, groupUsed
	}
	workers := planThreads(wanted, limit-used)
	if workers == 0 {
		return 0, fmt.Errorf("too few processes: %d of %d are in use; raise the limit (ulimit -u %d) or end some", used, limit, used+64)
	}
	return workers, nil
}

// processLimit returns how many processes and threads the user may have, and
// has. It counts only where the limit is near; root has none.
func processLimit() (limit, used int) {
	var soft syscall.Rlimit
	if os.Geteuid() == 0 || syscall.Getrlimit(resourceProcesses, &soft) != nil || soft.Cur > plentyOfProcesses {
		return plentyOfProcesses, 0
	}
	return int(soft.Cur), countThreads("/proc", os.Getuid())
}

// countThreads adds up the threads of a user's processes.
func countThreads(proc string, user int) int {
	total := 0
	entries, _ := os.ReadDir(proc)
	for _, entry := range entries {
		var stat syscall.Stat_t
		if _, err := strconv.Atoi(entry.Name()); err != nil {
			continue
		}
		err := syscall.Stat(filepath.Join(proc, entry.Name(), "task"), &stat)
		if err == nil && int(stat.Uid) == user {
			total += int(stat.Nlink) - 2 // a folder for each
		}
	}
	return total
}

// groupLimit reads the limit of a container.
func groupLimit(group string) (limit, used int) {
	limit, err := readNumber(filepath.Join(group, "pids.max"))
	if err != nil {
		return plentyOfProcesses, 0
	}
	used, _ = readNumber(filepath.Join(group, "pids.current"))
	return limit, used
}

func readNumber(path string) (int, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(text)))
}
