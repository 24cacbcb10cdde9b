package scan

import (
	"io/fs"
	"os"
	"syscall"
)

func openFile(path string, _ bool) (*os.File, error) { return os.Open(path) }

func openFolder(path string, _ bool) (*os.File, error) { return os.Open(path) }

// identify returns the volume and the number of a file on it, Windows' own
// counterparts of device and inode.
func identify(opened *os.File, _ fs.FileInfo) (device, inode uint64, err error) {
	var info syscall.ByHandleFileInformation
	if err := syscall.GetFileInformationByHandle(syscall.Handle(opened.Fd()), &info); err != nil {
		return 0, 0, err
	}
	return uint64(info.VolumeSerialNumber), uint64(info.FileIndexHigh)<<32 | uint64(info.FileIndexLow), nil
}

func identifyPath(path string, info fs.FileInfo) (device, inode uint64, err error) {
	if isPlaceholder(info) {
		return 0, 0, nil // opening might fetch it
	}
	opened, err := os.Open(path)
	if err != nil {
		return 0, 0, err
	}
	defer opened.Close()
	return identify(opened, info)
}

func attributesOf(info fs.FileInfo) uint32 {
	if data, ok := info.Sys().(*syscall.Win32FileAttributeData); ok {
		return data.FileAttributes
	}
	return 0
}

func isPlaceholder(info fs.FileInfo) bool { return windowsPlaceholder(attributesOf(info)) }

// placeholderEntry costs nothing: the listing brought the attributes along.
func placeholderEntry(entry fs.DirEntry) bool {
	info, err := entry.Info()
	return err == nil && isPlaceholder(info)
}

func hiddenBySystem(entry fs.DirEntry) bool {
	info, err := entry.Info()
	return err == nil && attributesOf(info)&syscall.FILE_ATTRIBUTE_HIDDEN != 0
}

func systemOf(*os.File) fileSystem { return fileSystem{} }
