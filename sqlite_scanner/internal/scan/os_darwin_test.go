package scan

import (
	"os"
	"path/filepath"
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

// A folder typed decomposed is the one listed composed.
func TestRootInAnotherNormalForm(t *testing.T) {
	root := makeTree(t, tree{"caf\u00e9/x.db": database()})
	typed := filepath.Join(root, norm.NFD.String("caf\u00e9"))
	config := Config{MaxDepth: NoLimit, Roots: []string{typed, filepath.Join(typed, "x.db"), root}}
	found, _ := runScan(config)
	if len(found.matches) != 1 {
		t.Errorf("%q", found.paths(root))
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
