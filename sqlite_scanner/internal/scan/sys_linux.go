package scan

import (
	"syscall"
	"time"
	"unsafe"
)

// The system calls of the walker, without the copies, strings and errors that
// the standard library makes of each.
//
// There are two ways into the kernel. syscall.Syscall informs Go's scheduler,
// which gives the thread's slot to another goroutine when the call takes
// long; informing it costs about as much as a short call itself. syscall.RawSyscall
// does not: the slot is blocked until the kernel is done. That is right
// where the kernel answers from memory or from a disk of this machine, with as
// many slots as there are workers (raiseGOMAXPROCS), and wrong for a network mount
// or FUSE, where a call may hang for minutes: a collection of garbage waits for
// every slot, and with it everything else, Ctrl-C too. So each call is given
// local, true only for file systems known to be of the first sort.

// io_uring was tried for the files of a folder (open, read and close as linked
// requests, 64 files to a call) and left out, although it was faster: warm 0.77
// times the wall and 0.83 times the CPU time, cold 0.52 and 0.75. Its read
// waits for data even where O_NONBLOCK is set, so that a file swapped for a
// FIFO stops the scan for good; timeouts and cancelling would be more code than
// all of this walker's calls, and most containers forbid io_uring anyway.

const (
	openFolderFlags = syscall.O_RDONLY | syscall.O_DIRECTORY | syscall.O_CLOEXEC | syscall.O_LARGEFILE
	// O_NONBLOCK: should the entry be a FIFO by now, opening must not wait.
	openFileFlags = syscall.O_RDONLY | syscall.O_NONBLOCK | syscall.O_CLOEXEC | syscall.O_LARGEFILE | syscall.O_NOCTTY
	// currentFolder is AT_FDCWD.
	currentFolder = -100
	// noFollow is AT_SYMLINK_NOFOLLOW.
	noFollow = 0x100
)

// call retries what a signal has interrupted. Pointers among its arguments are
// to be converted in the argument list; the directive keeps what they point to
// alive, and off the stack, which may move.
//
//go:uintptrescapes
func call(local bool, number, a, b, c, d uintptr) (int, syscall.Errno) {
	for {
		var result uintptr
		var errno syscall.Errno
		if local {
			result, _, errno = syscall.RawSyscall6(number, a, b, c, d, 0, 0)
		} else {
			result, _, errno = syscall.Syscall6(number, a, b, c, d, 0, 0)
		}
		if errno != syscall.EINTR {
			return int(result), errno
		}
	}
}

// openAt opens an entry of a folder; name points to bytes that end with NUL.
// It leaves the access time alone where the kernel allows that, which depends on
// the owner of each file.
func openAt(local bool, folder int, name *byte, flags int) (int, syscall.Errno) {
	fd, errno := call(local, syscall.SYS_OPENAT, uintptr(folder), uintptr(unsafe.Pointer(name)), uintptr(flags|syscall.O_NOATIME), 0)
	if errno == syscall.EPERM {
		fd, errno = call(local, syscall.SYS_OPENAT, uintptr(folder), uintptr(unsafe.Pointer(name)), uintptr(flags), 0)
	}
	return fd, errno
}

func closeFD(local bool, fd int) {
	// Not retried after EINTR: Linux has closed the descriptor.
	if local {
		syscall.RawSyscall(syscall.SYS_CLOSE, uintptr(fd), 0, 0)
	} else {
		syscall.Syscall(syscall.SYS_CLOSE, uintptr(fd), 0, 0)
	}
}

func readFD(local bool, fd int, buffer []byte) (int, syscall.Errno) {
	return call(local, syscall.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(&buffer[0])), uintptr(len(buffer)), 0)
}

// pread reads from the start of a file. It reads nothing from a FIFO (ESPIPE). An
// offset of zero is the same in every ABI.
func pread(local bool, fd int, buffer []byte) (int, syscall.Errno) {
	return call(local, syscall.SYS_PREAD64, uintptr(fd), uintptr(unsafe.Pointer(&buffer[0])), uintptr(len(buffer)), 0)
}

func getdents(local bool, fd int, buffer []byte) (int, syscall.Errno) {
	return call(local, syscall.SYS_GETDENTS64, uintptr(fd), uintptr(unsafe.Pointer(&buffer[0])), uintptr(len(buffer)), 0)
}

func statAt(local bool, folder int, name *byte, into *syscall.Stat_t, flags int) syscall.Errno {
	_, errno := call(local, sysFstatat, uintptr(folder), uintptr(unsafe.Pointer(name)), uintptr(unsafe.Pointer(into)), uintptr(flags))
	return errno
}

func fileInfoFromStat(stat *syscall.Stat_t) fileInfo {
	kind := stat.Mode & syscall.S_IFMT
	return fileInfo{
		folder:   kind == syscall.S_IFDIR,
		regular:  kind == syscall.S_IFREG,
		size:     stat.Size,
		modified: time.Unix(stat.Mtim.Unix()),
		device:   uint64(stat.Dev),
		inode:    stat.Ino,
	}
}

// cString returns a pointer to the bytes of a string that a NUL follows.
func cString(name string) *byte { return unsafe.StringData(name) }

// newCString returns a copy of name that ends with NUL.
func newCString(name string) *byte { return &append([]byte(name), 0)[0] }
