//go:build unix && !linux && !darwin

package scan

import (
	"io/fs"
	"os"
	"path/filepath"
)

const noAccessTime = 0

func isPlaceholder(fs.FileInfo) bool { return false }

func systemKind(err error) (Kind, bool) { return sortErrno(err, unixKinds) }

func resolvePath(path string) (string, error) { return filepath.EvalSymlinks(path) }

func prepareSystem(Config) {}

func systemOf(*os.File) fileSystem { return fileSystem{} }
