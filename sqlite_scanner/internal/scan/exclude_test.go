package scan

import (
	"errors"
	"strings"
	"testing"
)

func TestExcludes(t *testing.T) {
	for _, c := range []struct {
		globs string // separated by spaces
		path  string // below /top; a slash at the end marks a folder
		want  bool
	}{
		{"node_modules", "a/node_modules/", true},
		{"node_modules", "a/node_modules", true},
		{"node_modules/", "a/node_modules", false}, // folders only
		{"node_modules/", "a/node_modules/", true},
		{"*.db", "a/b/x.db", true},
		{"*.db", "a/b/x.db3", false},
		{"x?.db", "x1.db", true},
		{"x?.db", "x.db", false},
		{"[a-c]*", "b", true},
		{"[a-c]*", "d", false},
		{"[!a-c]*", "d", true},
		{"[!a-c]*", "b", false},
		{"[]x]", "]", true},
		{"[a-]", "-", true},
		{`\*`, "*", true},
		{`\*`, "x", false},
		{"a+(b).db", "a+(b).db", true}, // no regular expression shines through
		{"a/b", "a/b", true},
		{"a/b", "x/a/b", false}, // a slash ties it to the root
		{"/b", "b", true},
		{"/b", "a/b", false},
		{"/top/a", "a", true}, // as an absolute path
		{"top/a", "a", false},
		{"**/b", "b", true},
		{"**/b", "x/y/b", true},
		{"a/**/b", "a/b", true},
		{"a/**/b", "a/x/y/b", true},
		{"a/**", "a/x/y", true},
		{"a/**", "a/", false},
		{"a/*", "a/x/y", false},
		{"*.db !keep.db", "keep.db", false}, // the last that fits decides
		{"*.db !keep.db", "other.db", true},
		{"!keep.db *.db", "keep.db", true},
		{"x*y", "x\nz\ny", true},
		{"*\xff", "a\xff", true},
		{"?\xff?", "a\xffb", true},
	} {
		excludes, err := ParseExcludes(strings.Fields(c.globs))
		must(t, err)
		below := strings.TrimSuffix(c.path, "/")
		name := below[strings.LastIndex(below, "/")+1:]
		if got := excludes.excluded(name, below, "top/"+below, below != c.path); got != c.want {
			t.Errorf("%q excludes %q: %v", c.globs, c.path, got)
		}
	}
}

func TestExcludesThatMakeNoSense(t *testing.T) {
	for _, text := range []string{"", "/", "!", "[", "a[b", "[z-a]", `a\`, "[!"} {
		var wrong *GlobError
		if _, err := ParseExcludes([]string{"fine", text}); !errors.As(err, &wrong) || wrong.Glob != text {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func FuzzParseExcludes(f *testing.F) {
	f.Add("a/**/[!b-c]*.d?", "a/x/y.de")
	f.Add(`\[`, "[")
	f.Fuzz(func(t *testing.T, text, path string) {
		excludes, err := ParseExcludes([]string{text})
		if err != nil {
			var wrong *GlobError
			if !errors.As(err, &wrong) {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		excludes.excluded(path, path, path, true)
	})
}

func TestExcludedFoldersAreNotEntered(t *testing.T) {
	eachWalker(t, func(t *testing.T, config Config) {
		root := makeTree(t, tree{
			"keep/a.db": database(), "skip/b.db": database(), "keep/skip/c.db": database(), "keep/d.tmp": database(),
			"top/e.db": database(), "keep/top/f.db": database(),
		})
		config.Excludes = globs(t, "skip/", "*.tmp", "/top")
		stats := expect(t, config, root, "keep/a.db", "keep/top/f.db")
		if stats.Folders != 3 || stats.Files != 2 {
			t.Errorf("looked at %d folders, %d files", stats.Folders, stats.Files)
		}
	})
}
