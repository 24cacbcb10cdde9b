package scan

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"sort"
	"strings"
	"sync"
	"testing"
)

// A tree describes a folder: path → content. A path that ends with a slash is
// an empty folder.
type tree map[string]string

// database is a small whole database: one page of 512 bytes.
func database() string {
	page := make([]byte, 512)
	copy(page, validHeader(512, 1))
	return string(page)
}

func makeTree(t testing.TB, content tree) string {
	t.Helper()
	root, err := filepath.EvalSymlinks(tempFolder(t))
	must(t, err)
	for path, text := range content {
		place := filepath.Join(root, path)
		if strings.HasSuffix(path, "/") {
			must(t, os.MkdirAll(place, 0o755))
			continue
		}
		must(t, os.MkdirAll(filepath.Dir(place), 0o755))
		must(t, os.WriteFile(place, []byte(text), 0o644))
	}
	return root
}

// tempFolder is t.TempDir, but does not fail the test when the folder cannot be
// removed: under wine 8 os.RemoveAll fails ("Invalid function").
func tempFolder(t testing.TB) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "scan")
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(folder) })
	return folder
}

// symlink skips the test where there are no symbolic links: wine 8 says that it
// makes them, and does not.
func symlink(t *testing.T, target, link string) {
	t.Helper()
	err := os.Symlink(target, link)
	if runtime.GOOS == "windows" && err == nil {
		_, err = os.Lstat(link)
	}
	if runtime.GOOS == "windows" && err != nil {
		t.Skip("no symbolic links here: ", err)
	}
	must(t, err)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// collector is the Sink of the tests.
type collector struct {
	mu       sync.Mutex
	matches  []Match
	problems []Problem
}

func (c *collector) Match(m Match) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.matches = append(c.matches, m)
}

func (c *collector) Problem(p Problem) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.problems = append(c.problems, p)
}

// paths returns what was found, below root, sorted.
func (c *collector) paths(root string) []string {
	found := []string{}
	for _, match := range c.matches {
		found = append(found, strings.TrimPrefix(filepath.ToSlash(strings.TrimPrefix(match.Path, root)), "/"))
	}
	sort.Strings(found)
	return found
}

// kinds returns the problems as "path kind", below root, sorted.
func (c *collector) kinds(root string) []string {
	list := []string{}
	for _, problem := range c.problems {
		list = append(list, strings.TrimPrefix(filepath.ToSlash(strings.TrimPrefix(problem.Path, root)), "/")+" "+string(problem.Kind))
	}
	sort.Strings(list)
	return list
}

// eachWalker runs a test with the walker of this system and the portable one.
func eachWalker(t *testing.T, test func(t *testing.T, base Config)) {
	t.Helper()
	for name, portable := range map[string]bool{"native": false, "portable": true} {
		t.Run(name, func(t *testing.T) { test(t, Config{MaxDepth: NoLimit, Portable: portable}) })
	}
}

func runScan(config Config) (*collector, Stats) {
	found := &collector{}
	scan := New(config, found)
	scan.Run(context.Background())
	return found, scan.Stats()
}

// expect scans root and compares what is found; it expects no problems.
func expect(t *testing.T, config Config, root string, want ...string) Stats {
	t.Helper()
	if config.Roots == nil {
		config.Roots = []string{root}
	}
	found, stats := runScan(config)
	sort.Strings(want)
	same(t, found.paths(root), want)
	same(t, found.kinds(root), nil)
	if stats.Matches != int64(len(found.matches)) {
		t.Errorf("stats count %d matches of %d", stats.Matches, len(found.matches))
	}
	return stats
}

func same(t *testing.T, got, want []string) {
	t.Helper()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func globs(t *testing.T, list ...string) *Excludes {
	t.Helper()
	excludes, err := ParseExcludes(list)
	must(t, err)
	return excludes
}
