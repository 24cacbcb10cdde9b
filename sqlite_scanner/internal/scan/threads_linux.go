package scan

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// Go panics when the system refuses it a thread, so a scan starts no more workers than
// the limits allow.

const (
	resourceProcesses  = 6    // RLIMIT_NPROC, <asm-generic/resource.h>
	unlimitedProcesses = 4096 // a limit not worth counting for
	spareThreads       = 4    // the runtime starts some when calls take long
	threadsPerWorker   = 2    // its own, and another that runs while it waits
)

// planThreads returns how many workers the free threads allow; 0 is too few
// for a scan.
func planThreads(wanted, free int) int {
	return max(0, min(wanted, (free-spareThreads)/threadsPerWorker))
}

// checkThreads returns how many workers the limits allow, or an error for none.
func checkThreads(wanted int) (int, error) {
	limit, used := processLimit()
	memberships, _ := os.ReadFile("/proc/self/cgroup")
	limit, used, remedy := nearestLimit(limit, used, groupFolders("/sys/fs/cgroup", string(memberships)))
	workers := planThreads(wanted, limit-used)
	if workers == 0 {
		return 0, fmt.Errorf("too few processes: %d of %d are in use; raise the limit (%s) or end some", used, limit, remedy)
	}
	return workers, nil
}

// nearestLimit returns the limit that leaves the fewest processes, the user's or that
// of a control group, and how to raise it.
func nearestLimit(limit, used int, groups []string) (int, int, string) {
	remedy := fmt.Sprintf("ulimit -u %d", used+64)
	for _, group := range groups {
		if most, present := groupLimit(group); most-present < limit-used {
			limit, used = most, present
			remedy = fmt.Sprintf("%s, or a container's --pids-limit %d", filepath.Join(group, "pids.max"), used+64)
		}
	}
	return limit, used, remedy
}

// processLimit returns how many processes and threads the user may have, and
// has. It counts only where the limit is near; root has none.
func processLimit() (limit, used int) {
	var soft syscall.Rlimit
	if os.Geteuid() == 0 || syscall.Getrlimit(resourceProcesses, &soft) != nil || soft.Cur > unlimitedProcesses {
		return unlimitedProcesses, 0
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

// groupFolders returns the folders of the control groups that may limit the threads
// of a process, its own and those around it. memberships are the lines of
// /proc/PID/cgroup, cgroups(7): "8:pids:/a/b" in version 1, "0::/a/b" in version 2.
// A container may see its own group as the root of the mount.
func groupFolders(mount, memberships string) []string {
	folders := []string{mount}
	for _, line := range strings.Split(memberships, "\n") {
		fields := strings.SplitN(line, ":", 3)
		if len(fields) != 3 || fields[1] != "" && !slices.Contains(strings.Split(fields[1], ","), "pids") {
			continue
		}
		for group := filepath.Join("/", fields[2]); ; group = filepath.Dir(group) {
			folders = append(folders, filepath.Join(mount, fields[1], group))
			if group == "/" {
				break
			}
		}
	}
	return folders
}

// groupLimit reads the limit of a control group.
func groupLimit(group string) (limit, used int) {
	limit, err := readNumber(filepath.Join(group, "pids.max"))
	if err != nil {
		return unlimitedProcesses, 0
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
