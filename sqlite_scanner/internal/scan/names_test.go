package scan

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func TestPathsAreSpelledAsListed(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a test of POSIX paths, which begin with a slash")
	}
	listings := map[string][]string{"/": {"Users", "users2"}, "/Users": {"Me", "ME", "me "}, "/Users/Me": {"a"}, "/Users/ME": {"X.db"}}
	list := func(folder string) []string { return listings[folder] }
	same := func(a, b string) bool { return strings.EqualFold(a, b) }
	for path, want := range map[string]string{
		"/":                "/",
		"/users":           "/Users",
		"/USERS/me":        "/Users/ME",
		"/Users/Me/A":      "/Users/Me/a", // a name that is listed stays
		"/users/ME/x.DB":   "/Users/ME/X.db",
		"/Users/other/x":   "/Users/other/x",
		"/closed/is/as is": "/closed/is/as is",
	} {
		if got := spellPath(path, list, same); got != want {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
	apart := func(a, b string) bool { return a == b }
	if got := spellPath("/users", list, apart); got != "/users" {
		t.Errorf("another folder's name was taken: %s", got)
	}
}

// Where case makes no difference (Windows, macOS), both names are one file.
func TestRootInAnotherSpelling(t *testing.T) {
	root := makeTree(t, tree{"Folder/Café.db": database()})
	typed := filepath.Join(root, "fOLDER", "cAFÉ.DB")
	if _, err := os.Stat(typed); err != nil {
		t.Skip("this file system takes them for different names")
	}
	eachWalker(t, func(t *testing.T, config Config) {
		config.Roots = []string{typed, filepath.Dir(typed), root, filepath.Join(root, "Folder")}
		expect(t, config, root, "Folder/Café.db")
	})
}

func TestDataVolumeOfMacOS(t *testing.T) {
	same := func(a, b string) bool { return a == "/Users/me" && b == dataVolume+"/Users/me" }
	for path, want := range map[string]string{
		dataVolume + "/Users/me": "/Users/me", dataVolume + "/.hidden": dataVolume + "/.hidden", "/Users/me": "/Users/me",
		dataVolume: dataVolume, "/System/Volumes/Database/x": "/System/Volumes/Database/x",
	} {
		if got := withoutDataVolume(path, same); got != want {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
}

// The folder that has two names there: below / and on the data volume.
func TestDataVolumeIsSkippedBelowARoot(t *testing.T) {
	defer func(before bool) { hasDataVolume = before }(hasDataVolume)
	if runtime.GOOS == "windows" {
		t.Skip("a test of macOS paths, which begin with a slash")
	}
	volumes := newChild(newChild(&folder{name: "/"}, "System"), "Volumes")
	for _, hasDataVolume = range []bool{true, false} {
		if isDataVolume(newChild(volumes, "Data")) != hasDataVolume || isDataVolume(newChild(volumes, "Preboot")) {
			t.Errorf("on macOS %v", hasDataVolume)
		}
		for other, above := range map[string]bool{"/": true, "/System": true, "/System/Volumes/": true, "/Users": false, dataVolume: false} {
			roots := []string{dataVolume, other}
			if got := isNestedDataVolume(dataVolume, roots); got != (above && hasDataVolume) {
				t.Errorf("beside %s on macOS %v: skipped %v", other, hasDataVolume, got)
			}
		}
	}
	if isNestedDataVolume("/", []string{"/", dataVolume}) {
		t.Error("the root itself is skipped")
	}
}

func TestKindsOfWindowsEntries(t *testing.T) {
	const archive, directory, reparse = 0x20, 0x10, 0x400
	for _, c := range []struct {
		what            string
		attributes, tag uint32
		want            entryKind
	}{
		{"file", archive, 0, fileEntry},
		{"folder", directory, 0, folderEntry},
		{"tag without the attribute", archive, 0xa000000c, fileEntry},
		{"symbolic link", reparse, 0xa000000c, linkEntry},
		{"symbolic link to a folder", reparse | directory, 0xa000000c, linkEntry},
		{"junction", reparse | directory, 0xa0000003, linkEntry},
		{"link of WSL", reparse, 0xa000001d, linkEntry},
		{"OneDrive file", reparse | archive, 0x9000001a, fileEntry},
		{"OneDrive file of another kind", reparse | archive, 0x9000601a, fileEntry},
		{"OneDrive folder", reparse | directory, 0x9000701a, folderEntry},
		{"deduplicated", reparse, 0x80000013, fileEntry},
		{"compressed", reparse, 0x80000017, fileEntry},
		{"program alias", reparse, 0x8000001b, otherEntry},
		{"socket", reparse, 0x80000023, otherEntry},
		{"FIFO of WSL", reparse, 0x80000024, otherEntry},
		{"tag nobody knows", reparse, 0x80001234, fileEntry},
		{"tag gone since the listing", reparse, 0, fileEntry},
	} {
		if got := windowsKind(c.attributes, c.tag); got != c.want {
			t.Errorf("%s: got %d, want %d", c.what, got, c.want)
		}
	}
}

func TestWindowsErrorsAreSorted(t *testing.T) {
	for number, want := range windowsKinds {
		kind, known := classifyErrno(&os.PathError{Op: "open", Path: "x", Err: number}, windowsKinds)
		if kind != want || !known {
			t.Errorf("error %d is %q", number, kind)
		}
	}
	if _, known := classifyErrno(os.ErrClosed, windowsKinds); known {
		t.Error("an error without a number is known")
	}
}

// An entry that turns out to be no file is no problem, unless it is a root.
func TestEntriesThatAreNoFiles(t *testing.T) {
	sink := &collector{}
	s := New(Config{MaxDepth: NoLimit}, sink)
	s.report(Problem{Path: "/x/alias", Kind: notAFile})
	s.report(Problem{Path: "/x/root", Kind: notAFile, Root: true})
	s.report(Problem{Path: "/x/NTUSER.DAT", Kind: InUse})
	got := sink.kinds("/x")
	if !slices.Equal(got, []string{"NTUSER.DAT in_use", "root unsupported"}) || s.Stats().Errors != 2 || s.Stats().InUse != 1 {
		t.Errorf("%q, %+v", got, s.Stats())
	}
}
