//go:build unix

package scan

import (
	"io/fs"
	"os"
	"syscall"
)

// openFile opens for reading. O_NONBLOCK: opening must not wait for a writer if the
// entry is a FIFO by now.
func openFile(path string, follow bool) (*os.File, error) {
	return openWith(path, syscall.O_NONBLOCK, follow)
}

func openFolder(path string, follow bool) (*os.File, error) {
	return openWith(path, syscall.O_DIRECTORY, follow)
}

func openWith(path string, flags int, follow bool) (*os.File, error) {
	if !follow {
		flags |= syscall.O_NOFOLLOW
	}
	opened, err := os.OpenFile(path, os.O_RDONLY|flags|openNoATime, 0)
	if err != nil && openNoATime != 0 && os.IsPermission(err) {
		return os.OpenFile(path, os.O_RDONLY|flags, 0) // not ours
	}
	return opened, err
}

func identify(_ *os.File, info fs.FileInfo) (device, inode uint64, err error) {
	return identifyPath("", info)
}

func identifyPath(_ string, info fs.FileInfo) (device, inode uint64, err error) {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(stat.Dev), uint64(stat.Ino), nil
	}
	return 0, 0, nil
}

func hiddenBySystem(fs.DirEntry) bool { return false }

// placeholderEntry returns false: a listing has no flags, so isPlaceholder checks later.
func placeholderEntry(fs.DirEntry) bool { return false }

func entryKindOf(_ *folder, entry fs.DirEntry) entryKind {
	switch mode := entry.Type(); {
	case mode.IsDir():
		return folderEntry
	case mode.IsRegular():
		return fileEntry
	case mode&fs.ModeSymlink != 0:
		return linkEntry
	}
	return otherEntry
}

func isRegular(info fs.FileInfo) bool { return info.Mode().IsRegular() }
