package scan

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/text/unicode/norm"
)

func TestPoliciesAreTaken(t *testing.T) {
	for _, kind := range []int32{accessTimesPolicy, datalessFilesPolicy} {
		if err := setIOPolicy(kind, policyOff); err != nil {
			t.Errorf("policy %d: %v", kind, err)
		}
	}
}

func TestAccessTimesStay(t *testing.T) {
	root := makeTree(t, tree{"sub/x.db": database(), "sub/plain": "not a database at all"})
	long := time.Now().Add(-1000 * time.Hour)
	for _, path := range []string{"sub/x.db", "sub/plain"} {
		must(t, os.Chtimes(filepath.Join(root, path), long, long))
	}
	expect(t, Config{MaxDepth: NoLimit}, root, "sub/x.db")
	for _, path := range []string{"sub/x.db", "sub/plain"} {
		var stat syscall.Stat_t
		must(t, syscall.Stat(filepath.Join(root, path), &stat))
		if stat.Atimespec.Sec != long.Unix() {
			t.Errorf("%s was accessed", path)
		}
	}
}

// What is typed decomposed is what is listed composed, and excludes match either form.
func TestNamesInAnotherNormalForm(t *testing.T) {
	root := makeTree(t, tree{"caf\u00e9/\u00e9.db": database(), "caf\u00e9/x.db": database()})
	typed := filepath.Join(root, norm.NFD.String("caf\u00e9"))
	file := filepath.Join(typed, norm.NFD.String("\u00e9.db"))
	config := Config{MaxDepth: NoLimit, Roots: []string{file, typed, filepath.Join(typed, "x.db"), root}}
	found, _ := runScan(config)
	same(t, found.paths(root), []string{"caf\u00e9/x.db", "caf\u00e9/\u00e9.db"})
	for _, form := range []norm.Form{norm.NFC, norm.NFD} {
		config := Config{MaxDepth: NoLimit, Excludes: globs(t, form.String("\u00e9.db"))}
		expect(t, config, root, "caf\u00e9/x.db")
	}
}

// Everything on the data volume has a name below /, too.
func TestDataVolumeIsNotEntered(t *testing.T) {
	if _, err := os.Stat(dataVolume); err != nil {
		t.Skip("no data volume here")
	}
	found, stats := runScan(Config{MaxDepth: 2, Roots: []string{filepath.Dir(dataVolume)}})
	paths := found.paths("/")
	for _, problem := range found.problems {
		paths = append(paths, strings.TrimPrefix(problem.Path, "/"))
	}
	for _, path := range paths {
		if strings.HasPrefix("/"+path, dataVolume+"/") {
			t.Errorf("%s has a shorter name", path)
		}
	}
	if stats.Folders < 2 {
		t.Errorf("%d folders", stats.Folders)
	}
}

func TestCloudFilesAreNotFetched(t *testing.T) {
	if kind := kindOf(&os.PathError{Op: "read", Path: "x", Err: darwinDeadlock}); kind != Placeholder {
		t.Errorf("got %s", kind)
	}
}

// Homes have one name, however they are reached.
func TestHomesAppearOnce(t *testing.T) {
	home, err := os.UserHomeDir()
	must(t, err)
	again := dataVolume + home
	if _, err := os.Stat(again); err != nil {
		t.Skip("no data volume here")
	}
	resolved, err := resolvePath(again)
	must(t, err)
	if resolved != home {
		t.Errorf("%s is resolved to %s", again, resolved)
	}
}
