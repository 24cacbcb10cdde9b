package scan

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"
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
		{"./b", "b", true},
		{"./b", "a/b", false},
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
		got := excludes(t, nameStyle{}, c.globs, "top/", c.path)
		if got != c.want {
			t.Errorf("%q excludes %q: %v", c.globs, c.path, got)
		}
	}
}

// excludes decides about a path below top; a slash at its end marks a folder.
func excludes(t *testing.T, style nameStyle, list, top, path string) bool {
	t.Helper()
	parsed, err := parseExcludes(strings.Fields(list), style)
	must(t, err)
	below := strings.TrimSuffix(path, "/")
	name := below[strings.LastIndex(below, "/")+1:]
	return parsed.excluded(name, below, top+below, below != path)
}

func TestExcludesOnWindows(t *testing.T) {
	style := nameStyle{ignoreCase: true, backslash: true}
	for _, c := range []struct {
		globs, top, path string
		want             bool
	}{
		{"*.DB", "C:/top/", "x.db", true},
		{"*.db", "C:/top/", "X.DB", true},
		{"SUB?DIR", "C:/top/", "sub dir/", true},
		{"ÄPFEL", "C:/top/", "äpfel", true},
		{"[A-C]*", "C:/top/", "b", true},
		{"[!a-c]*", "C:/top/", "B", false},
		{`sub\`, "C:/top/", "Sub/", true},
		{`sub\`, "C:/top/", "Sub", false}, // folders only
		{`docs\*.db`, "C:/top/", "Docs/A.db", true},
		{`docs\*.db`, "C:/top/", "docs/x/a.db", false},
		{`\build`, "C:/top/", "build", true},
		{`\build`, "C:/top/", "x/build", false},
		{`.\build`, "C:/top/", "build", true},
		{`c:\top\x`, "C:/top/", "X", true},
		{`c:\top\`, "C:/top/", "x", false}, // the root itself is not excluded
		{`c:/top/x\`, "C:/top/", "x/", true},
		{`d:\top\x`, "C:/top/", "x", false},
		{`\\?\c:\top\x`, "C:/top/", "x", true},
		{`\\server\share\x`, "server/share/", "x", true},
		{`\\?\unc\Server\share\x`, "server/share/", "x", true},
		{`**\cache`, "C:/top/", "a/b/Cache/", true},
		{`*.db !Keep.db`, "C:/top/", "keep.DB", false},
		{`[[]x]`, "C:/top/", "[x]", true},
	} {
		if got := excludes(t, style, c.globs, c.top, c.path); got != c.want {
			t.Errorf("%q excludes %q: %v", c.globs, c.path, got)
		}
	}
	for _, text := range []string{`\`, `a\\b`, `.`, `..\x`} {
		if _, err := parseExcludes([]string{text}, style); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

// The same name, composed and decomposed: é is one character or two.
func TestExcludesInEitherNormalForm(t *testing.T) {
	composed, decomposed := "caf\u00e9", "cafe\u0301"
	style := nameStyle{normalize: norm.NFC.String}
	for _, list := range []string{composed, decomposed, "*" + decomposed[1:], decomposed + "*", "/" + composed, "c[a]f" + decomposed[3:]} {
		for _, name := range []string{composed, decomposed} {
			if !excludes(t, style, list, "top/", name) {
				t.Errorf("%q does not exclude %q", list, name)
			}
		}
	}
	if excludes(t, nameStyle{}, composed, "top/", decomposed) {
		t.Error("where the forms are different names, both are excluded")
	}
}

func TestAbsolutePathsForExcludes(t *testing.T) {
	for path, want := range map[string]string{
		"/top/x": "/top/x", "C:/top/x": "/C:/top/x", "//server/share/x": "/server/share/x", "//?/C:/x": "/C:/x",
		"//?/UNC/server/share/x": "/server/share/x", "x": "x", "C:": "C:",
	} {
		if got := rootedDrive(path); got != want {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
}

func TestExcludesThatMakeNoSense(t *testing.T) {
	for _, text := range []string{"", "/", "!", "[", "a[b", "[z-a]", "[!", ".", "..", "a/./b", "../x", "a//b", "./", "./."} {
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
