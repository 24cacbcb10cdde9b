package scan

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// spellPath returns a path with each name spelled as its folder lists it, on file
// systems where other spellings (case, composed characters) lead there, too.
// A folder that can't be listed leaves its names as they are.
func spellPath(path string, list func(folder string) []string, same func(a, b string) bool) string {
	spelled := filepath.VolumeName(path) + string(filepath.Separator)
	for _, name := range strings.Split(strings.Trim(path[len(spelled)-1:], string(filepath.Separator)), string(filepath.Separator)) {
		spelled = filepath.Join(spelled, spellName(spelled, name, list(spelled), same))
	}
	return spelled
}

// spellName prefers the name as it is; else the entry that is the same file and
// differs in case or normal form alone.
func spellName(folder, name string, entries []string, same func(a, b string) bool) string {
	other := name
	for _, entry := range entries {
		if entry == name {
			return name
		}
		if strings.EqualFold(anySpelling(entry), anySpelling(name)) && same(filepath.Join(folder, entry), filepath.Join(folder, name)) {
			other = entry
		}
	}
	return other
}

// anySpelling maps the normal forms of a name to one.
func anySpelling(name string) string {
	if hostStyle.normalize == nil {
		return name
	}
	return hostStyle.normalize(name)
}

func listNames(folder string) []string {
	opened, err := os.Open(folder)
	if err != nil {
		return nil
	}
	defer opened.Close()
	names, _ := opened.Readdirnames(-1)
	return names
}

func sameFile(a, b string) bool {
	first, err := os.Lstat(a)
	if err != nil {
		return false
	}
	second, err := os.Lstat(b)
	return err == nil && os.SameFile(first, second)
}

// dataVolume is where macOS mounts the volume for everything but the system. Most of
// its folders are also below / ("firmlinks"), with the same inodes.
const dataVolume = "/System/Volumes/Data"

// withoutDataVolume returns the path below / of a file on the data volume, where
// it has one.
func withoutDataVolume(path string, same func(a, b string) bool) string {
	short, below := strings.CutPrefix(path, dataVolume+"/")
	if below && same("/"+short, path) {
		return "/" + short
	}
	return path
}

// hasDataVolume is replaced by tests.
var hasDataVolume = runtime.GOOS == "darwin"

// isDataVolume reports whether a folder found below a root is the data volume.
func isDataVolume(f *folder) bool {
	return hasDataVolume && f.name == "Data" && f.path() == dataVolume
}

// isNestedDataVolume reports whether a root is the data volume and another root lies
// above it: then it would be undefined which of a file's two paths is printed.
func isNestedDataVolume(path string, roots []string) bool {
	return hasDataVolume && path == dataVolume && slices.ContainsFunc(roots, func(other string) bool {
		return slices.Contains([]string{"/", "/System", "/System/Volumes"}, filepath.Clean(other))
	})
}
