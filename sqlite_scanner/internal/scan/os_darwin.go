package scan

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"unsafe"
)

// Access times are left alone for the whole process (prepareSystem).
const noAccessTime = 0

// What setiopolicy_np of the C library sends to the kernel (<sys/resource.h>).
const (
	sysIOPolicy         = 322 // iopolicysys
	setPolicy           = 2   // IOPOL_CMD_SET
	policyOfProcess     = 0   // IOPOL_SCOPE_PROCESS
	accessTimesPolicy   = 2   // IOPOL_TYPE_VFS_ATIME_UPDATES
	datalessFilesPolicy = 3   // IOPOL_TYPE_VFS_MATERIALIZE_DATALESS_FILES
	policyOff           = 1
	policyOn            = 2
)

// prepareSystem keeps access times as they are, and files in a cloud where
// they are unless asked otherwise. A kernel that knows neither changes nothing.
func prepareSystem(config Config) {
	setIOPolicy(accessTimesPolicy, policyOff)
	if config.Recall {
		setIOPolicy(datalessFilesPolicy, policyOn)
	} else {
		setIOPolicy(datalessFilesPolicy, policyOff)
	}
}

func setIOPolicy(kind, value int32) error {
	parameters := struct{ scope, kind, value int32 }{policyOfProcess, kind, value}
	_, _, errno := syscall.Syscall(sysIOPolicy, setPolicy, uintptr(unsafe.Pointer(&parameters)), 0)
	if errno != 0 {
		return errno
	}
	return nil
}

func systemKind(err error) (Kind, bool) {
	if errors.Is(err, darwinDeadlock) {
		return Placeholder, true
	}
	return sortErrno(err, unixKinds)
}

func resolvePath(path string) (string, error) {
	resolved, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", err
	}
	return withoutDataVolume(spellPath(resolved, listNames, sameFile), sameFile), nil
}

func isPlaceholder(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && macPlaceholder(stat.Flags)
}

// pseudoSystems are made up by the kernel and hold no files of anybody's.
var pseudoSystems = map[string]bool{"devfs": true, "autofs": true, "fdesc": true}

func systemOf(opened *os.File) fileSystem {
	var stat syscall.Statfs_t
	if syscall.Fstatfs(int(opened.Fd()), &stat) != nil {
		return fileSystem{}
	}
	var name []byte
	for _, c := range stat.Fstypename {
		if c == 0 {
			break
		}
		name = append(name, byte(c))
	}
	return fileSystem{pseudo: pseudoSystems[string(name)]}
}
