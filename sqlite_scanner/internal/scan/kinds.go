package scan

import (
	"errors"
	"io/fs"
	"syscall"
)

// notAFile is the kind of an error for an entry that is not a file, such as an alias
// of a program on Windows. It is reported for roots only.
const notAFile Kind = ""

// kindOf classifies an error in opening or reading an entry.
func kindOf(err error) Kind {
	if kind, known := systemKind(err); known {
		return kind
	}
	switch {
	case errors.Is(err, fs.ErrPermission):
		return Denied
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.ELOOP), errors.Is(err, syscall.ENXIO):
		return Vanished // or replaced by something else in the meantime
	case isOutOfDescriptors(err):
		return Handles
	}
	return IO
}

func rootKind(err error) Kind {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return Missing
	}
	return kindOf(err)
}

// windowsKinds has the errors of Windows (<winerror.h>) that package errors does not
// classify.
var windowsKinds = map[syscall.Errno]Kind{
	4:    Handles,  // ERROR_TOO_MANY_OPEN_FILES
	32:   InUse,    // ERROR_SHARING_VIOLATION: NTUSER.DAT, a running program's files
	33:   InUse,    // ERROR_LOCK_VIOLATION: a part of the file is locked
	170:  InUse,    // ERROR_BUSY
	225:  Denied,   // ERROR_VIRUS_INFECTED: the virus scanner refuses
	303:  Vanished, // ERROR_DELETE_PENDING
	395:  Denied,   // ERROR_CLOUD_FILE_ACCESS_DENIED
	1260: Denied,   // ERROR_ACCESS_DISABLED_BY_POLICY
	1920: notAFile, // ERROR_CANT_ACCESS_FILE: aliases of programs, special files of WSL
	4393: notAFile, // ERROR_REPARSE_TAG_INVALID
	4394: notAFile, // ERROR_REPARSE_TAG_MISMATCH
	6002: Denied,   // ERROR_FILE_ENCRYPTED
}

// unixKinds has the errors of Unix systems that package errors does not classify.
var unixKinds = map[syscall.Errno]Kind{
	syscall.EBUSY:   InUse,
	syscall.ETXTBSY: InUse,
	syscall.EAGAIN:  InUse, // a mandatory lock
}

// darwinDeadlock is what macOS answers when reading would fetch a file from a
// cloud and this process must not (setDataless).
const darwinDeadlock = syscall.Errno(11) // EDEADLK, <sys/errno.h>

func classifyErrno(err error, kinds map[syscall.Errno]Kind) (Kind, bool) {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return IO, false
	}
	kind, known := kinds[errno]
	return kind, known
}
