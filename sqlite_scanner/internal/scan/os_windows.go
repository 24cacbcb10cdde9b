package scan

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"unsafe"
)

// checkDescriptors returns nil: Windows has no such limit.
func checkDescriptors() error { return nil }

// openFile leaves the file's own program free to rename, replace or delete it.
func openFile(path string, _ bool) (*os.File, error) { return openShared(path) }

func openFolder(path string, _ bool) (*os.File, error) { return openShared(path) }

const shareAll = syscall.FILE_SHARE_READ | syscall.FILE_SHARE_WRITE | syscall.FILE_SHARE_DELETE

func openShared(path string) (*os.File, error) {
	handle, err := openHandle(path, syscall.GENERIC_READ)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(handle), extended(path)), nil
}

// openHandle opens a file or folder. An access of 0 is enough to identify it, and is
// granted when another program has locked the file.
func openHandle(path string, access uint32) (syscall.Handle, error) {
	name, err := syscall.UTF16PtrFromString(extended(path))
	if err != nil {
		return 0, err
	}
	return syscall.CreateFile(name, access, shareAll, nil, syscall.OPEN_EXISTING, syscall.FILE_FLAG_BACKUP_SEMANTICS, 0)
}

// extended returns the form of an absolute path that Windows takes as it is:
// longer than 260 characters, with names such as "aux.txt" or "trail.".
func extended(path string) string {
	switch {
	case strings.HasPrefix(path, `\\?\`), strings.HasPrefix(path, `\\.\`), !filepath.IsAbs(path):
		return path
	case strings.HasPrefix(path, `\\`):
		return `\\?\UNC\` + path[2:]
	}
	return `\\?\` + path
}

// identify returns the volume and the number of a file on it, Windows' own
// counterparts of device and inode.
func identify(opened *os.File, _ fs.FileInfo) (device, inode uint64, err error) {
	return identifyHandle(syscall.Handle(opened.Fd()))
}

func identifyHandle(handle syscall.Handle) (device, inode uint64, err error) {
	var info syscall.ByHandleFileInformation
	if err := syscall.GetFileInformationByHandle(handle, &info); err != nil {
		return 0, 0, err
	}
	return uint64(info.VolumeSerialNumber), uint64(info.FileIndexHigh)<<32 | uint64(info.FileIndexLow), nil
}

func identifyPath(path string, info fs.FileInfo) (device, inode uint64, err error) {
	if isPlaceholder(info) {
		return 0, 0, nil // opening might fetch it
	}
	handle, err := openHandle(path, 0)
	if err != nil {
		return 0, 0, err
	}
	defer syscall.CloseHandle(handle)
	return identifyHandle(handle)
}

func attributesOf(info fs.FileInfo) uint32 {
	if data, ok := info.Sys().(*syscall.Win32FileAttributeData); ok {
		return data.FileAttributes
	}
	return 0
}

func attributesOfEntry(entry fs.DirEntry) uint32 {
	info, err := entry.Info() // without a system call: the listing has the attributes
	if err != nil {
		return 0
	}
	return attributesOf(info)
}

func isPlaceholder(info fs.FileInfo) bool { return windowsPlaceholder(attributesOf(info)) }

func placeholderEntry(entry fs.DirEntry) bool { return windowsPlaceholder(attributesOfEntry(entry)) }

func hiddenBySystem(entry fs.DirEntry) bool {
	return attributesOfEntry(entry)&syscall.FILE_ATTRIBUTE_HIDDEN != 0
}

// entryKindOf uses attributes and tag. The modes that Go derives from them depend on
// the version in go.mod (GODEBUG=winsymlink).
func entryKindOf(parent *folder, entry fs.DirEntry) entryKind {
	attributes, tag := attributesOfEntry(entry), uint32(0)
	if attributes&windowsReparsePoint != 0 {
		tag = reparseTag(parent.join(entry.Name()))
	}
	return windowsKind(attributes, tag)
}

// reparseTag returns the tag of a reparse point, 0 when the path is none any more.
func reparseTag(path string) uint32 {
	var data syscall.Win32finddata
	name, err := syscall.UTF16PtrFromString(extended(path))
	if err != nil {
		return 0
	}
	search, err := syscall.FindFirstFile(name, &data)
	if err != nil {
		return 0
	}
	syscall.FindClose(search)
	if data.FileAttributes&windowsReparsePoint == 0 {
		return 0
	}
	return data.Reserved0 // dwReserved0 is the tag
}

// isRegular reports whether info, with all links followed, is a file and not a device.
func isRegular(info fs.FileInfo) bool {
	const device = fs.ModeDevice | fs.ModeCharDevice | fs.ModeNamedPipe | fs.ModeSocket
	return !info.IsDir() && info.Mode()&device == 0
}

func fileSystemOf(*os.File) fileSystem { return fileSystem{} }

func systemKind(err error) (Kind, bool) { return classifyErrno(err, windowsKinds) }

func prepareSystem(Config) {}

var getFinalPath = syscall.NewLazyDLL("kernel32.dll").NewProc("GetFinalPathNameByHandleW")

// resolvePath resolves symbolic links and junctions, and spells each name as its folder
// lists it. A path on a mapped drive stays on that drive.
func resolvePath(path string) (string, error) {
	handle, err := openHandle(path, 0)
	if err != nil {
		return "", err
	}
	defer syscall.CloseHandle(handle)
	buffer := make([]uint16, 1<<15) // the longest path there is
	length, _, _ := getFinalPath.Call(uintptr(handle), uintptr(unsafe.Pointer(&buffer[0])), uintptr(len(buffer)), 0)
	if length == 0 || int(length) > len(buffer) {
		return filepath.EvalSymlinks(path) // a driver that does not know
	}
	final := syscall.UTF16ToString(buffer[:length])
	share, isShare := strings.CutPrefix(final, `\\?\UNC\`)
	switch {
	case strings.HasPrefix(path, `\\?\`):
		return final, nil
	case isShare && !strings.HasPrefix(path, `\\`):
		return filepath.EvalSymlinks(path)
	case isShare:
		return `\\` + share, nil
	}
	return strings.TrimPrefix(final, `\\?\`), nil
}
