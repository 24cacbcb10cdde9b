package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"sqlite-scanner/internal/scan"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// tempFolder is t.TempDir, but does not fail the test when the folder cannot be
// removed: under wine 8 os.RemoveAll fails ("Invalid function").
func tempFolder(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "scanner")
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(folder) })
	return folder
}

// magicOnly is the least that is taken for a database.
const magicOnly = "SQLite format 3\x00"

// call runs the program with arguments on a folder of two databases, and
// returns what it printed with the folder's path replaced by ROOT.
func call(t *testing.T, arguments ...string) (code int, stdout, stderr string) {
	t.Helper()
	root, err := filepath.EvalSymlinks(tempFolder(t))
	must(t, err)
	must(t, os.WriteFile(filepath.Join(root, "b.db"), []byte(magicOnly), 0o644))
	must(t, os.Mkdir(filepath.Join(root, "a"), 0o755))
	must(t, os.WriteFile(filepath.Join(root, "a", "a&b.db"), []byte(magicOnly+"more"), 0o644))
	before, err := os.Getwd()
	must(t, err)
	must(t, os.Chdir(root))
	defer os.Chdir(before)
	var out, problems bytes.Buffer
	code = run(arguments, &out, &problems)
	clean := func(text string) string {
		if runtime.GOOS == "windows" {
			text = strings.ReplaceAll(strings.ReplaceAll(text, `\\`, `\`), root, "ROOT")
			return strings.ReplaceAll(text, `\`, "/")
		}
		return strings.ReplaceAll(text, root, "ROOT")
	}
	return code, clean(out.String()), clean(problems.String())
}

func TestOutputs(t *testing.T) {
	for arguments, want := range map[string]string{
		"--sort":                         "ROOT/a/a&b.db\nROOT/b.db\n",
		"a --size":                       "ROOT/a/a&b.db (20 bytes)\n",
		"--sort -0":                      "ROOT/a/a&b.db\x00ROOT/b.db\x00",
		"--count":                        "2\n",
		"--count --sort .":               "2\n",
		"--path a --path b.db --count":   "2\n",
		"--path a --count b.db .":        "2\n",
		"--path a b.db":                  "ROOT/b.db\n",
		"--max-depth 1":                  "ROOT/b.db\n",
		"--exclude a/ --exclude x":       "ROOT/b.db\n",
		"--jsonl a":                      `{"path":"ROOT/a/a&b.db"}` + "\n",
		"--json --jsonl a":               `{"path":"ROOT/a/a&b.db"}` + "\n",
		"--jsonl --size a":               `{"path":"ROOT/a/a&b.db","size":20}` + "\n",
		"--jsonl --size --sort --strict": `{"path":"ROOT/a/a&b.db","size":20}` + "\n" + `{"path":"ROOT/b.db","size":16}` + "\n",
		"--json b.db":                    "{\n  \"entries\": [\n    {\n      \"path\": \"ROOT/b.db\"\n    }\n  ]\n}\n",
		"--json --exclude *":             "{\n  \"entries\": [\n  ]\n}\n",
		"--json --size --sort": "{\n  \"entries\": [\n    {\n      \"path\": \"ROOT/a/a&b.db\",\n      \"size\": 20\n    },\n" +
			"    {\n      \"path\": \"ROOT/b.db\",\n      \"size\": 16\n    }\n  ]\n}\n",
		"--jsonl --events -- a": `{"event":"match","path":"ROOT/a/a&b.db"}` + "\n" +
			`{"event":"progress","files":1,"folders":1,"matches":1,"errors":0}` + "\n",
		"--version --json": "dev\n",
		"-V":               "dev\n",
	} {
		code, stdout, stderr := call(t, strings.Fields(arguments)...)
		if code != 0 || stdout != want || stderr != "" {
			t.Errorf("%s: %d\n%s%s", arguments, code, stdout, stderr)
		}
	}
}

func TestMisuse(t *testing.T) {
	for arguments, want := range map[string]string{
		"--bogus":                 "unknown flag: --bogus",
		"--workers 0":             "--workers must be at least 1, not 0",
		"--workers many":          `--workers takes a whole number, not "many"`,
		"--max-depth 1.5":         `--max-depth takes a whole number, not "1.5"`,
		"--size=abc":              `--size takes no value, but was given "abc"`,
		"-0=abc":                  `--print0 takes no value, but was given "abc"`,
		"--exclude":               "--exclude needs a value: --exclude GLOB\n",
		"--path":                  "--path needs a value: --path PATH\n",
		"--workers":               "--workers needs a value: --workers N\n",
		"-z":                      "unknown flag: -z\n",
		"-zx":                     "unknown flag: -z in -zx\n",
		"--exclude .":             `bad glob ".": no entry is called "."`,
		"--exclude ..":            `bad glob "..": no entry is called ".."`,
		"--exclude a/../b":        `no entry is called ".."`,
		"--exclude a//b":          "two slashes",
		"--exclude --size":        "--exclude needs a value, but is followed by --size; if that is the value, write --exclude=--size\n",
		"--exclude --json=true":   "is followed by --json=true",
		"--path -- a":             "--path needs a value, but is followed by --;",
		"--exclude -x":            "is followed by -x;",
		"--max-depth -2":          "--max-depth must be at least 0, not -2",
		"--events":                "--events needs --jsonl",
		"--events --jsonl --sort": "can't be combined with --sort",
		"-0 --json":               "--print0 can't be combined with --json or --jsonl",
		"-0 --size":               "can't be combined with --size, --human or --details",
		"--count --jsonl":         "--count can't be combined with",
		"--count --details":       "--count prints only a number",
		"--count --size":          "--count prints only a number",
		"--count --human":         "--count prints only a number",
		"--count --relative":      "--count prints only a number",
		"--human --json":          "--human can't be combined",
		"--human --jsonl":         "--human can't be combined",
		"--human -0":              "can't be combined with --size, --human or --details",
		"--exclude [":             `bad glob "["`,
		"--path=":                 "a path is empty; write .",
	} {
		code, stdout, stderr := call(t, strings.Fields(arguments)...)
		hint := "sqlite-scanner: hint: " + helpHint + "\n"
		if code != exitUsage || stdout != "" || !strings.Contains(stderr, want) || !strings.HasSuffix(stderr, hint) {
			t.Errorf("%s: %d, %q, %q", arguments, code, stdout, stderr)
		}
	}
	if _, _, stderr := call(t, "--workers", "0", "--events"); !strings.Contains(stderr, "not 0; --events needs --jsonl") {
		t.Errorf("not all faults at once: %q", stderr)
	}
}

func TestMistypedFlagsGetSuggestions(t *testing.T) {
	for typed, want := range map[string]string{
		"--jsonll": "--jsonl", "--jsno": "--json", "--exlude": "--exclude", "--detials": "--details", "--max_depth": "--max-depth",
		"--maxdepth": "--max-depth", "--one-file": "--one-file-system", "--Sort": "--sort", "-json": "--json", "-count=1": "--count",
		"--threads": "--workers", "--versoin": "--version", "--print-0": "--print0", "--quik": "--quick", "--stat": "--stats",
	} {
		_, _, stderr := call(t, typed)
		if !strings.HasSuffix(stderr, "\nsqlite-scanner: hint: did you mean "+want+"? "+helpHint+"\n") {
			t.Errorf("%s: %s", typed, stderr)
		}
	}
	for _, typed := range []string{"--bogus", "--zzz", "-z", "--xyz=1"} {
		if _, _, stderr := call(t, typed); strings.Contains(stderr, "did you mean") {
			t.Errorf("%s: %s", typed, stderr)
		}
	}
}

// A value that looks like a flag must be written with =.
func TestValuesThatLookLikeFlags(t *testing.T) {
	for _, arguments := range []string{"--exclude=--size", "--exclude=-x", "--path=--", "--exclude -- --size", "--exclude -y ."} {
		_, _, stderr := call(t, strings.Fields(arguments)...)
		if swallowed := strings.Contains(stderr, "is followed by"); swallowed != (arguments == "--exclude -- --size") {
			t.Errorf("%s: %q", arguments, stderr)
		}
	}
}

func TestHumanSizes(t *testing.T) {
	for size, want := range map[int64]string{ // as GNU ls -h prints them
		0: "0 bytes", 1023: "1023 bytes", 1024: "1.0K", 1025: "1.1K", 4096: "4.0K", 10137: "9.9K", 10138: "10K", 10240: "10K", 10241: "11K",
		1047552: "1023K", 1047553: "1.0M", 1048576: "1.0M", 1048577: "1.1M", 12 << 20: "12M", 1 << 30: "1.0G", 5 << 40: "5.0T",
		1 << 50: "1.0P", 1 << 60: "1.0E", 1<<63 - 1: "8.0E",
	} {
		if got := formatSize(size, true); got != want {
			t.Errorf("%d: got %s, want %s", size, got, want)
		}
		if got := formatSize(size, false); got != fmt.Sprintf("%d bytes", size) {
			t.Errorf("%d: got %s", size, got)
		}
	}
}

func TestRelativePaths(t *testing.T) {
	for arguments, want := range map[string]string{
		"--sort --relative":                "a/a&b.db\nb.db\n",
		"--relative --size a":              "a/a&b.db (20 bytes)\n",
		"--relative --human a":             "a/a&b.db (20 bytes)\n",
		"--relative --jsonl b.db":          `{"path":"b.db"}` + "\n",
		"--relative -0 b.db":               "b.db\x00",
		"--relative --events --jsonl none": `{"event":"error","path":"none","kind":"missing"`,
	} {
		_, stdout, _ := call(t, strings.Fields(arguments)...)
		if !strings.HasPrefix(stdout, want) {
			t.Errorf("%s: %q", arguments, stdout)
		}
	}
	here, above := filepath.FromSlash("/x/y"), filepath.FromSlash("/x")
	for path, want := range map[string]string{
		filepath.Join(here, "a"): "a", filepath.Join(above, "z", "a"): filepath.FromSlash("../z/a"), here: ".",
		filepath.Join(here, "-rf"): filepath.FromSlash("./-rf"), filepath.Join(here, "a", "-b"): filepath.FromSlash("a/-b"),
	} {
		if got := relativePath(here, path); got != want {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
}

// A folder that was removed while a shell stood in it.
func TestWithoutCurrentFolder(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows lets nobody remove a current folder")
	}
	before, err := os.Getwd()
	must(t, err)
	gone := filepath.Join(tempFolder(t), "gone")
	must(t, os.Mkdir(gone, 0o755))
	must(t, os.Chdir(gone))
	defer os.Chdir(before)
	must(t, os.Remove(gone))
	for _, c := range []struct {
		arguments []string
		code      int
		start     string
	}{
		{[]string{"--relative", before}, exitUsage, "--relative"},
		{nil, exitIncomplete, "."},
		{[]string{"--sort", "here"}, exitIncomplete, "here"},
	} {
		var stderr bytes.Buffer
		code := run(c.arguments, &bytes.Buffer{}, &stderr)
		want := "sqlite-scanner: error: " + c.start + ": there is no current folder ("
		if code != c.code || !strings.HasPrefix(stderr.String(), want) || !strings.Contains(stderr.String(), "; cd to another one\n") {
			t.Errorf("%q: %d, %s", c.arguments, code, stderr.String())
		}
	}
}

func TestClosedEntriesAreCounted(t *testing.T) {
	var stderr bytes.Buffer
	report := newReporter(&options{}, &bytes.Buffer{}, &stderr, func() {})
	report.Problem(scan.Problem{Path: "/NTUSER.DAT", Kind: scan.InUse, Err: errors.New("locked")})
	must(t, report.finish(scan.Stats{Errors: 3, Denied: 2, InUse: 1}, 0))
	want := "sqlite-scanner: error: /NTUSER.DAT: locked\n" +
		"sqlite-scanner: 3 entries could not be scanned, 2 for lack of permission, 1 in use by another program\n"
	if stderr.String() != want || report.isRootDenied() {
		t.Errorf("%q", stderr.String())
	}
}

func TestTooFewDescriptorsGetAHint(t *testing.T) {
	for kind, want := range map[scan.Kind]bool{scan.Handles: true, scan.IO: false} {
		var stderr bytes.Buffer
		report := newReporter(&options{}, &bytes.Buffer{}, &stderr, func() {})
		report.Problem(scan.Problem{Path: "/x", Kind: kind, Err: errors.New("refused")})
		must(t, report.finish(scan.Stats{Errors: 1}, 0))
		if got := strings.Contains(stderr.String(), "hint: the system ran out of file descriptors"); got != want {
			t.Errorf("%s: %s", kind, stderr.String())
		}
	}
}

func TestPrivacyOnMacOSIsExplained(t *testing.T) {
	defer func(before bool) { guardsPrivacy = before }(guardsPrivacy)
	for _, c := range []struct {
		guards bool
		err    error
		want   bool
	}{{true, syscall.EPERM, true}, {true, syscall.EACCES, false}, {false, syscall.EPERM, false}} {
		guardsPrivacy = c.guards
		var stderr bytes.Buffer
		report := newReporter(&options{}, &bytes.Buffer{}, &stderr, func() {})
		report.Problem(scan.Problem{Path: "/Users/me/Library/Mail", Kind: scan.Denied, Err: c.err})
		must(t, report.finish(scan.Stats{Errors: 1, Denied: 1}, 0))
		if got := strings.Contains(stderr.String(), "give your terminal Full Disk Access"); got != c.want {
			t.Errorf("%+v: %s", c, stderr.String())
		}
	}
}

func TestHelpListsEveryFlag(t *testing.T) {
	code, stdout, _ := call(t, "-h")
	for _, flag := range []string{"--jsonl", "-0, --print0", "--exclude GLOB", "-x, --one-file-system", "--max-depth N"} {
		if code != 0 || !strings.Contains(stdout, "\n      "+flag+" ") && !strings.Contains(stdout, "\n  "+flag+" ") {
			t.Errorf("no %s in the help", flag)
		}
	}
}

func TestMissingRoot(t *testing.T) {
	code, stdout, stderr := call(t, "none", ".", "--sort")
	if code != exitIncomplete || stdout != "ROOT/a/a&b.db\nROOT/b.db\n" {
		t.Errorf("%d, %q", code, stdout)
	}
	want := "sqlite-scanner: error: ROOT/none: no such file or directory\n" +
		"sqlite-scanner: 1 entry could not be scanned, 0 for lack of permission\n"
	if stderr != want && os.PathSeparator == '/' {
		t.Errorf("%q", stderr)
	}
}

func TestStats(t *testing.T) {
	_, _, stderr := call(t, "--stats")
	want := `^sqlite-scanner: 2 files, 2 folders, 2 databases, 32 bytes read, 0 errors, \d+\.\d{3} seconds\n$`
	if !regexp.MustCompile(want).MatchString(stderr) {
		t.Errorf("%q", stderr)
	}
}

func TestUnique(t *testing.T) {
	root := tempFolder(t)
	must(t, os.WriteFile(filepath.Join(root, "b"), []byte(magicOnly), 0o644))
	must(t, os.Link(filepath.Join(root, "b"), filepath.Join(root, "a")))
	for arguments, want := range map[string]int{"": 2, "--unique": 1} {
		var out bytes.Buffer
		run(append(strings.Fields(arguments), "--sort", root), &out, &bytes.Buffer{})
		if got := strings.Count(out.String(), "\n"); got != want || !strings.HasSuffix(strings.SplitN(out.String(), "\n", 2)[0], "a") {
			t.Errorf("%q: %s", arguments, out.String())
		}
	}
}

func TestExitCodes(t *testing.T) {
	for name, c := range map[string]struct {
		stats   scan.Stats
		root    bool
		strict  bool
		failure error
		want    int
	}{
		"fine":               {want: 0},
		"denied":             {stats: scan.Stats{Errors: 3, Denied: 3}, want: 0},
		"denied, strict":     {stats: scan.Stats{Errors: 3, Denied: 3}, strict: true, want: 1},
		"fine, strict":       {strict: true, want: 0},
		"denied root":        {stats: scan.Stats{Errors: 1, Denied: 1}, root: true, want: 1},
		"denied and others":  {stats: scan.Stats{Errors: 3, Denied: 2}, want: 1},
		"in use":             {stats: scan.Stats{Errors: 1, InUse: 1}, want: 0},
		"in use and denied":  {stats: scan.Stats{Errors: 3, InUse: 1, Denied: 2}, want: 0},
		"in use, strict":     {stats: scan.Stats{Errors: 1, InUse: 1}, strict: true, want: 1},
		"in use and others":  {stats: scan.Stats{Errors: 2, InUse: 1}, want: 1},
		"placeholders alone": {stats: scan.Stats{Placeholders: 2}, strict: true, want: 0},
		"cannot write":       {failure: errors.New("disk full"), want: 1},
	} {
		if got := exitCode(&options{strict: c.strict}, c.stats, c.root, c.failure); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

func TestEscapedText(t *testing.T) {
	for text, want := range map[string]string{
		"/plain/näme ü/日本":     "/plain/näme ü/日本",
		"new\nline\ttab":       `new\nline\ttab`,
		"\x1b[31mred\x9b":      `\x1b[31mred\x9b`,
		"bad-\xff\xfe":         `bad-\xff\xfe`,
		"turned \u202e around": `turned \u202e around`,
		"\u0085 \u2028":        `\u0085 \u2028`,
		"no-break\u00a0space":  "no-break\u00a0space",
		"👩\u200d🚀":             "👩\u200d🚀",
		`back\slash "quote"`:   `back\slash "quote"`,
	} {
		if got := escapeText(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestMisuseIsEscaped(t *testing.T) {
	var stderr bytes.Buffer
	run([]string{"--\x1b[31mred"}, &bytes.Buffer{}, &stderr)
	if !strings.HasPrefix(stderr.String(), `sqlite-scanner: error: unknown flag: --\x1b[31mred`+"\n") {
		t.Errorf("%q", stderr.String())
	}
}

func TestJSONOnATerminal(t *testing.T) {
	for _, escape := range []bool{false, true} {
		var out bytes.Buffer
		report := newReporter(&options{asJSONLines: true}, &out, &bytes.Buffer{}, func() {})
		report.escapeOut = escape
		report.Match(scan.Match{Path: "/ü\u009b31m\u202e\x7f\n\U000e0001"})
		must(t, report.finish(scan.Stats{}, 0))
		want := "{\"path\":\"/ü\u009b31m\u202e\x7f\\n\U000e0001\"}\n"
		if escape {
			want = `{"path":"/ü\u009b31m\u202e\u007f\n\udb40\udc01"}` + "\n"
		}
		if out.String() != want {
			t.Errorf("got  %q\nwant %q", out.String(), want)
		}
	}
}

func TestTextIsEscapedOnTerminalsOnly(t *testing.T) {
	match := scan.Match{Path: "/a\nb", Size: 5}
	for want, escape := range map[string]bool{"/a\nb (5 bytes)\n": false, "/a\\nb (5 bytes)\n": true} {
		if got := formatText(match, &options{size: true}, escape); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if got := formatText(match, &options{print0: true}, true); got != "/a\nb\x00" {
		t.Errorf("print0 wrote %q", got)
	}
}

func sample() scan.Match {
	return scan.Match{
		Path: "/x/bad\xff.db", Size: 8192, Modified: time.Unix(1700000000, 5000), Device: 1, Inode: 2, Companions: []string{"-wal", "-shm"},
		Header: scan.Header{
			Valid: true, PageSize: 4096, PageCount: 2, Encoding: "UTF-8", JournalMode: "wal", UserVersion: -3,
			ApplicationID: 0x47504b47, Application: "OGC GeoPackage", SchemaFormat: 4, SQLiteVersion: "3.45.1",
		},
	}
}

func TestDetailsAsJSON(t *testing.T) {
	opts := &options{events: true}
	opts.scan.Details = true
	got := encodeJSON((&reporter{opts: opts}).record(sample()), "", "", anyCharacter)
	want := `{"event":"match","path":"/x/bad\ufffd.db","path_base64":"L3gvYmFk/y5kYg==","size":8192,` +
		`"modified":"2023-11-14T22:13:20.000005000Z","device":1,"inode":2,"valid":true,"page_size":4096,"page_count":2,` +
		`"encoding":"UTF-8","journal_mode":"wal","user_version":-3,"application_id":1196444487,"application":"OGC GeoPackage",` +
		`"schema_format":4,"sqlite_version":"3.45.1","companions":["-wal","-shm"]}` + "\n"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestDetailsAsText(t *testing.T) {
	opts := &options{}
	opts.scan.Details = true
	match := sample()
	want := "/x/bad\xff.db\n    OGC GeoPackage, 8192 bytes, 2 pages of 4096, UTF-8, wal, user_version -3, SQLite 3.45.1, " +
		"modified 2023-11-14T22:13:20Z, beside it -wal -shm\n"
	if got := formatText(match, opts, false); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	match.Path = "/x"
	match.Header = scan.Header{
		Reason: "some reason", PageSize: 512, Encoding: "unknown", JournalMode: "rollback", ApplicationID: 255, SchemaFormat: 1,
	}
	want = "/x\n    not valid: some reason\n    8192 bytes, 0 pages of 512, unknown, rollback, application_id 0x000000ff, " +
		"schema format 1, modified 2023-11-14T22:13:20Z, beside it -wal -shm\n"
	if got := formatText(match, opts, false); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestErrorsAsEvents(t *testing.T) {
	code, stdout, stderr := call(t, "--jsonl", "--events", "--exclude", "*", "--", ".", "none")
	lines := strings.Split(stdout, "\n")
	var failure ErrorRecord
	must(t, json.Unmarshal([]byte(lines[0]), &failure))
	if code != 1 || failure.Event != "error" || failure.Kind != "missing" || failure.Path != "ROOT/none" {
		t.Errorf("%d, %+v", code, failure)
	}
	if strings.Contains(stderr, "none") {
		t.Errorf("the error is on standard error, too: %q", stderr)
	}
}

// failing is a standard output that takes nothing.
type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestOutputThatFails(t *testing.T) {
	root := tempFolder(t)
	must(t, os.WriteFile(filepath.Join(root, "x"), []byte(magicOnly), 0o644))
	var stderr bytes.Buffer
	code := run([]string{root}, failing{errors.New("disk full")}, &stderr)
	if code != 1 || stderr.String() != "sqlite-scanner: error: cannot write the results: disk full; "+writeHint+"\n" {
		t.Errorf("%d, %q", code, stderr.String())
	}
}

func TestTextThatCannotBeWritten(t *testing.T) {
	for _, c := range []struct {
		err    error
		code   int
		stderr string
	}{
		{errors.New("disk full"), exitIncomplete, "sqlite-scanner: error: cannot write: disk full; " + writeHint + "\n"},
		{fmt.Errorf("write: %w", syscall.EPIPE), exitBrokenPipe, ""},
	} {
		for _, flag := range []string{"--help", "--version"} {
			var stderr bytes.Buffer
			if code := run([]string{flag}, failing{c.err}, &stderr); code != c.code || stderr.String() != c.stderr {
				t.Errorf("%s: %d, %q", flag, code, stderr.String())
			}
		}
	}
}

// chunks hands on what is written, piece by piece.
type chunks chan string

func (c chunks) Write(data []byte) (int, error) {
	c <- string(data)
	return len(data), nil
}

func TestLinesDoNotWait(t *testing.T) {
	out := make(chunks, 10)
	report := newReporter(&options{}, out, &bytes.Buffer{}, func() {})
	report.Match(scan.Match{Path: "/a"})
	report.Match(scan.Match{Path: "/b"})
	got := ""
	for len(got) < len("/a\n/b\n") { // by the timer: nothing else is called; twice on a busy machine
		got += <-out
	}
	if got != "/a\n/b\n" {
		t.Errorf("got %q", got)
	}
	report.Match(scan.Match{Path: "/c"})
	if got := <-out; got != "/c\n" {
		t.Errorf("got %q", got)
	}
	must(t, report.finish(scan.Stats{}, 0))
	report.Match(scan.Match{Path: "/late"})
	report.progress(scan.Stats{}, 0)
	if len(out) != 0 {
		t.Errorf("written after the end: %q", <-out)
	}
}

func TestProgressOnATerminal(t *testing.T) {
	var stderr bytes.Buffer
	report := newReporter(&options{}, &bytes.Buffer{}, &stderr, func() {})
	report.progress(scan.Stats{Files: 5}, time.Second)
	if stderr.Len() != 0 {
		t.Errorf("progress where there is no terminal: %q", stderr.String())
	}
	report.showProgress = true
	report.progress(scan.Stats{Files: 500, Matches: 3}, 2*time.Second)
	report.progress(scan.Stats{Files: 5, Matches: 3}, 2*time.Second)
	must(t, report.finish(scan.Stats{}, 0))
	long, short := "500 files, 250 per second, 3 found", "5 files, 2 per second, 3 found"
	want := "\r" + long + "\r" + short + "    " + "\r" + strings.Repeat(" ", len(short)) + "\r"
	if stderr.String() != want {
		t.Errorf("got  %q\nwant %q", stderr.String(), want)
	}
}
