//go:build unix && !linux && !darwin

package scan

import (
	"io/fs"
	"os"
	"path/filepath"
)

const openNoATime = 0

func isPlaceholder(fs.FileInfo) bool { return false }

func systemKind(err error) (Kind, bool) { return classifyErrno(err, unixKinds) }

func resolvePath(path string) (string, error) { return filepath.EvalSymlinks(path) }

func prepareSystem(Config) {}

func fileSystemOf(*os.File) fileSystem { return fileSystem{} }
