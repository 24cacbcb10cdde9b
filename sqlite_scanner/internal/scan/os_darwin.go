package scan

import (
	"io/fs"
	"os"
	"syscall"
)

// Opening a file does not touch its access time, reading does; there is no
// way around that here.
const noAccessTime = 0

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
