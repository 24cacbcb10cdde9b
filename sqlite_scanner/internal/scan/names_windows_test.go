package scan

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// isWine says whether this is wine instead of Windows.
func isWine() bool {
	return syscall.NewLazyDLL("ntdll.dll").NewProc("wine_get_version").Find() == nil
}

// makeJunction skips the test where there are none: wine 8's mklink says that it
// makes them, and does not.
func makeJunction(t *testing.T, link, target string) {
	t.Helper()
	must(t, exec.Command("cmd", "/c", "mklink", "/J", link, target).Run())
	if _, err := os.Lstat(link); isWine() && err != nil {
		t.Skip("no junctions here: ", err)
	}
}

func wide(t *testing.T, text string) *uint16 {
	t.Helper()
	name, err := syscall.UTF16PtrFromString(text)
	must(t, err)
	return name
}

// lock opens a file as programs do that share it with nobody.
func lock(t *testing.T, path string) {
	t.Helper()
	handle, err := syscall.CreateFile(wide(t, path), syscall.GENERIC_READ, 0, nil, syscall.OPEN_EXISTING, 0, 0)
	must(t, err)
	t.Cleanup(func() { syscall.CloseHandle(handle) })
}

func TestLockedFileIsInUse(t *testing.T) {
	root := makeTree(t, tree{"NTUSER.DAT": "registry", "x.db": database(), "locked.db": database()})
	lock(t, filepath.Join(root, "NTUSER.DAT"))
	lock(t, filepath.Join(root, "locked.db"))
	config := Config{MaxDepth: NoLimit, Roots: []string{root}}
	found, stats := runScan(config)
	same(t, found.paths(root), []string{"x.db"})
	same(t, found.kinds(root), []string{"NTUSER.DAT in_use", "locked.db in_use"})
	if stats.Errors != 2 || stats.InUse != 2 {
		t.Errorf("%+v", stats)
	}
	config.Roots = []string{filepath.Join(root, "locked.db")}
	found, _ = runScan(config)
	if len(found.problems) != 1 || found.problems[0].Kind != InUse || !found.problems[0].Root {
		t.Errorf("%+v", found.problems)
	}
}

// The bytes of the header are locked, as SQLite itself never does.
func TestLockedRangeIsInUse(t *testing.T) {
	root := makeTree(t, tree{"x.db": database()})
	path := filepath.Join(root, "x.db")
	handle, err := syscall.CreateFile(wide(t, path), syscall.GENERIC_READ|syscall.GENERIC_WRITE, shareAll, nil, syscall.OPEN_EXISTING, 0, 0)
	must(t, err)
	defer syscall.CloseHandle(handle)
	lockFile := syscall.NewLazyDLL("kernel32.dll").NewProc("LockFile")
	if done, _, err := lockFile.Call(uintptr(handle), 0, 0, 100, 0); done == 0 {
		t.Fatal(err)
	}
	if isWine() {
		t.Skip("wine 8 lets others read a locked range; Windows does not")
	}
	found, _ := runScan(Config{MaxDepth: NoLimit, Roots: []string{root}})
	same(t, found.paths(root), nil)
	same(t, found.kinds(root), []string{"x.db in_use"})
}

func TestOpenFilesCanBeRenamedAndDeleted(t *testing.T) {
	root := makeTree(t, tree{"a": "x", "b": "x", "folder/c": "x"})
	for _, name := range []string{"a", "b"} {
		opened, err := openFile(filepath.Join(root, name), false)
		must(t, err)
		defer opened.Close()
	}
	must(t, os.Rename(filepath.Join(root, "a"), filepath.Join(root, "renamed")))
	must(t, os.Remove(filepath.Join(root, "b")))
}

func TestNamesThatWin32Changes(t *testing.T) {
	root := makeTree(t, nil)
	names := []string{"aux.txt", "COM1", "trail.", "blank ", "nul.db"}
	for _, name := range names {
		must(t, os.WriteFile(extended(root)+`\`+name, []byte(database()), 0o644))
	}
	must(t, os.MkdirAll(extended(root)+`\con.`, 0o755))
	must(t, os.WriteFile(extended(root)+`\con.\x.db`, []byte(database()), 0o644))
	t.Cleanup(func() { os.RemoveAll(extended(root)) })
	want := append(names, "con./x.db")
	slices.Sort(want)
	expect(t, Config{MaxDepth: NoLimit, Roots: []string{root}}, root, want...)
	expect(t, Config{MaxDepth: NoLimit, Roots: []string{extended(root)}}, extended(root), want...)
}

func TestLongPaths(t *testing.T) {
	root := makeTree(t, nil)
	deep := strings.Repeat(`\`+strings.Repeat("d", 60), 8)
	must(t, os.MkdirAll(extended(root)+deep, 0o755))
	must(t, os.WriteFile(extended(root)+deep+`\x.db`, []byte(database()), 0o644))
	want := strings.TrimPrefix(filepath.ToSlash(deep), "/") + "/x.db"
	expect(t, Config{MaxDepth: NoLimit, Roots: []string{root}}, root, want)
	expect(t, Config{MaxDepth: NoLimit, Roots: []string{extended(root)}}, extended(root), want)
	found, _ := runScan(Config{MaxDepth: NoLimit, Roots: []string{extended(root) + deep + `\x.db`}, Details: true})
	same(t, found.paths(extended(root)), []string{want})
}

func TestExtendedPaths(t *testing.T) {
	for path, want := range map[string]string{
		`C:\x`: `\\?\C:\x`, `\\server\share\x`: `\\?\UNC\server\share\x`, `\\?\C:\x`: `\\?\C:\x`, `\\.\COM1`: `\\.\COM1`, `x`: `x`,
	} {
		if got := extended(path); got != want {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
}

// A junction counts as a link, whatever go.mod's version makes of its mode.
func TestJunctions(t *testing.T) {
	root := makeTree(t, tree{"real/x.db": database(), "in/": ""})
	outside := makeTree(t, tree{"y.db": database()})
	for link, target := range map[string]string{`in\junction`: outside, `in\again`: filepath.Join(root, "real"), `in\loop`: root} {
		makeJunction(t, filepath.Join(root, link), target)
	}
	config := Config{MaxDepth: NoLimit, Roots: []string{root}}
	expect(t, config, root, "real/x.db")
	config.Follow = true
	expect(t, config, root, "in/junction/y.db", "real/x.db")
	config.Roots = []string{filepath.Join(root, "in", "junction")}
	expect(t, config, outside, "y.db") // in a root's path it is resolved
}
