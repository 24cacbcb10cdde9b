//go:build unix && !linux && !darwin

package scan

import (
	"io/fs"
	"os"
)

const noAccessTime = 0

func isPlaceholder(fs.FileInfo) bool { return false }

func systemOf(*os.File) fileSystem { return fileSystem{} }
