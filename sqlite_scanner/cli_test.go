package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
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

// magicOnly is the least that is taken for a database.
const magicOnly = "SQLite format 3\x00"

// call runs the program with arguments on a folder of two databases, and
// returns what it printed with the folder's path replaced by ROOT.
func call(t *testing.T, arguments ...string) (code int, stdout, stderr string) {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	must(t, err)
	must(t, os.WriteFile(filepath.Join(root, "b.db"), []byte(magicOnly), 0o644))
	must(t, os.Mkdir(filepath.Join(root, "a"), 0o755))
	must(t, os.WriteFile(filepath.Join(root, "a", "<&>.db"), []byte(magicOnly+"more"), 0o644))
	before, err := os.Getwd()
	must(t, err)
	must(t, os.Chdir(root))
	defer os.Chdir(before)
	var out, problems bytes.Buffer
	code = run(arguments, &out, &problems)
	clean := func(text string) string {
		text = strings.ReplaceAll(text, filepath.ToSlash(root), "ROOT")
		return strings.ReplaceAll(strings.ReplaceAll(text, root, "ROOT"), `ROOT\`, "ROOT/")
	}
	return code, clean(out.String()), clean(problems.String())
}

func TestOutputs(t *testing.T) {
	for arguments, want := range map[string]string{
		"--sort":                         "ROOT/a/<&>.db\nROOT/b.db\n",
		"a --size":                       "ROOT/a/<&>.db (20 bytes)\n",
		"--sort -0":                      "ROOT/a/<&>.db\x00ROOT/b.db\x00",
		"--count":                        "2\n",
		"--count --sort .":               "2\n",
		"--path a --path b.db --count":   "2\n",
		"--path a --count b.db .":        "2\n",
		"--path a b.db":                  "ROOT/b.db\n",
		"--max-depth 1":                  "ROOT/b.db\n",
		"--exclude a/ --exclude x":       "ROOT/b.db\n",
		"--jsonl a":                      `{"path":"ROOT/a/<&>.db"}` + "\n",
		"--json --jsonl a":               `{"path":"ROOT/a/<&>.db"}` + "\n",
		"--jsonl --size a":               `{"path":"ROOT/a/<&>.db","size":20}` + "\n",
		"--jsonl --size --sort --strict": `{"path":"ROOT/a/<&>.db","size":20}` + "\n" + `{"path":"ROOT/b.db","size":16}` + "\n",
		"--json b.db":                    "{\n  \"entries\": [\n    {\n      \"path\": \"ROOT/b.db\"\n    }\n  ]\n}\n",
		"--json --exclude *":             "{\n  \"entries\": [\n  ]\n}\n",
		"--json --size --sort": "{\n  \"entries\": [\n    {\n      \"path\": \"ROOT/a/<&>.db\",\n      \"size\": 20\n    },\n" +
			"    {\n      \"path\": \"ROOT/b.db\",\n      \"size\": 16\n    }\n  ]\n}\n",
		"--jsonl --events -- a": `{"event":"match","path":"ROOT/a/<&>.db"}` + "\n" +
			`{"event":"progress","files":1,"folders":1,"matches":1,"errors":0}` + "\n",
		"--version --json": "dev\n",
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
		"--workers many":          `invalid argument "many"`,
		"--max-depth -2":          "--max-depth must be at least 0, not -2",
		"--events":                "--events needs --jsonl",
		"--events --jsonl --sort": "does not go with --sort",
		"-0 --json":               "--print0 does not go with --json or --jsonl",
		"-0 --size":               "does not go with --size or --details",
		"--count --jsonl":         "--count does not go with",
		"--exclude [":             `bad glob "["`,
		"--path=":                 "a path is empty; write .",
	} {
		code, stdout, stderr := call(t, strings.Fields(arguments)...)
		hint := "sqlite-scanner: hint: sqlite-scanner --help lists all flags\n"
		if code != exitMisuse || stdout != "" || !strings.Contains(stderr, want) || !strings.HasSuffix(stderr, hint) {
			t.Errorf("%s: %d, %q, %q", arguments, code, stdout, stderr)
		}
	}
	if _, _, stderr := call(t, "--workers", "0", "--events"); !strings.Contains(stderr, "not 0; --events needs --jsonl") {
		t.Errorf("not all faults at once: %q", stderr)
	}
}

func TestHelpTellsEveryFlag(t *testing.T) {
	code, stdout, _ := call(t, "-h")
	for _, flag := range []string{"--jsonl", "-0, --print0", "--exclude GLOB", "-x, --one-file-system", "--max-depth N"} {
		if code != 0 || !strings.Contains(stdout, "\n      "+flag+" ") && !strings.Contains(stdout, "\n  "+flag+" ") {
			t.Errorf("no %s in the help", flag)
		}
	}
}

func TestMissingRoot(t *testing.T) {
	code, stdout, stderr := call(t, "none", ".", "--sort")
	if code != exitIncomplete || stdout != "ROOT/a/<&>.db\nROOT/b.db\n" {
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
	if !strings.HasPrefix(stderr, "sqlite-scanner: 2 files, 2 folders, 2 databases, 32 bytes read, 0 errors, 0.0") {
		t.Errorf("%q", stderr)
	}
}

func TestUnique(t *testing.T) {
	root := t.TempDir()
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
	_, _, stderr := call(t, "--\x1b[31mred")
	if !strings.HasPrefix(stderr, `sqlite-scanner: error: unknown flag: --\x1b[31mred`+"\n") {
		t.Errorf("%q", stderr)
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
	if got := formatText(match, &options{asNul: true}, true); got != "/a\nb\x00" {
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
	var failure Failure
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
	root := t.TempDir()
	must(t, os.WriteFile(filepath.Join(root, "x"), []byte(magicOnly), 0o644))
	var stderr bytes.Buffer
	code := run([]string{root}, failing{errors.New("disk full")}, &stderr)
	if code != 1 || stderr.String() != "sqlite-scanner: error: cannot write the results: disk full\n" {
		t.Errorf("%d, %q", code, stderr.String())
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
	if got := <-out; got != "/a\n/b\n" { // by the timer: nothing else is called
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
	report.live = true
	report.progress(scan.Stats{Files: 500, Matches: 3}, 2*time.Second)
	report.progress(scan.Stats{Files: 5, Matches: 3}, 2*time.Second)
	must(t, report.finish(scan.Stats{}, 0))
	long, short := "500 files, 250 per second, 3 found", "5 files, 2 per second, 3 found"
	want := "\r" + long + "\r" + short + "    " + "\r" + strings.Repeat(" ", len(short)) + "\r"
	if stderr.String() != want {
		t.Errorf("got  %q\nwant %q", stderr.String(), want)
	}
}
