package main

import (
	"bufio"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sort"
	"strings"
	"sync"
	"syscall"
	"time"
	"unicode/utf8"

	"sqlite-scanner/internal/scan"
)

// flushEvery is how long a line may wait before it is written.
const flushEvery = 50 * time.Millisecond

// timeFormat is RFC 3339 in UTC, always with nanoseconds.
const timeFormat = "2006-01-02T15:04:05.000000000Z"

// Record is a database as JSON: an item of the entries of --json, a line of
// --jsonl.
type Record struct {
	Event      string `json:"event,omitempty"`       // "match", with --events only
	Path       string `json:"path"`                  // absolute; U+FFFD where the name is no UTF-8
	PathBase64 string `json:"path_base64,omitempty"` // the exact bytes, only when the name is no UTF-8
	Size       *int64 `json:"size,omitempty"`        // bytes; with --size or --details
	*Details          // with --details
}

// Details is the metadata of a database: from its inode and from its header.
type Details struct {
	Modified      string   `json:"modified"`              // RFC 3339, UTC, nanoseconds
	Device        uint64   `json:"device"`                // with inode: which file this is
	Inode         uint64   `json:"inode"`                 //
	Valid         bool     `json:"valid"`                 // the header makes sense
	Reason        string   `json:"reason,omitempty"`      // why not, only when not valid
	PageSize      int      `json:"page_size"`             // bytes; 0 when the header is cut short
	PageCount     int64    `json:"page_count"`            // the header's, or else size / page_size
	Encoding      string   `json:"encoding"`              // UTF-8, UTF-16le, UTF-16be, unknown
	JournalMode   string   `json:"journal_mode"`          // rollback, wal, unknown
	UserVersion   int32    `json:"user_version"`          // PRAGMA user_version
	ApplicationID int32    `json:"application_id"`        // PRAGMA application_id
	Application   string   `json:"application,omitempty"` // its name, only when known
	SchemaFormat  int64    `json:"schema_format"`         // 1 to 4; 0 in a database without tables
	SQLiteVersion string   `json:"sqlite_version"`        // that wrote last; empty when not recorded
	Companions    []string `json:"companions"`            // those of -wal, -shm, -journal that exist
}

// Progress counts what was scanned so far: a line of --events, four times a second and
// at the end.
type Progress struct {
	Event   string `json:"event"` // "progress"
	Files   int64  `json:"files"`
	Folders int64  `json:"folders"`
	Matches int64  `json:"matches"`
	Errors  int64  `json:"errors"` // including those without permission
}

// ErrorRecord is an entry that could not be scanned: a line of --events.
type ErrorRecord struct {
	Event      string `json:"event"` // "error"
	Path       string `json:"path"`
	PathBase64 string `json:"path_base64,omitempty"`
	Kind       string `json:"kind"` // denied, in_use, vanished, missing, handles, unsupported, placeholder, io
	Error      string `json:"error"`
}

// reporter writes matches, problems and progress. Its methods are safe for concurrent
// use. The first line after a flush starts a timer, which flushes after flushEvery.
type reporter struct {
	opts         *options
	cancel       func() // stops the scan when writing fails
	stderr       io.Writer
	escapeOut    bool // standard output is a terminal
	showProgress bool // standard error is a terminal: show progress there

	mu               sync.Mutex
	out              *bufio.Writer
	timer            *time.Timer // not nil while a flush is due
	writeErr         error       // the first error in writing
	finished         bool
	printed          int64
	collected        []scan.Match // with --sort
	seen             map[[2]uint64]struct{}
	progressWidth    int  // width of the progress line on the terminal
	rootDenied       bool // a root was denied or in use
	privacyDenied    bool // macOS refused a protected folder
	outOfDescriptors bool // the system refused a file descriptor
}

func newReporter(opts *options, stdout, stderr io.Writer, cancel func()) *reporter {
	r := &reporter{
		opts: opts, cancel: cancel, stderr: stderr,
		escapeOut: isTerminal(stdout), showProgress: isTerminal(stderr) && !opts.events,
		out: bufio.NewWriterSize(stdout, 64<<10), seen: map[[2]uint64]struct{}{},
	}
	if opts.asJSON && !opts.asJSONLines {
		r.out.WriteString("{\n  \"entries\": [")
	}
	return r
}

// Match implements scan.Sink.
func (r *reporter) Match(match scan.Match) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.finished:
		return
	case r.opts.relative:
		match.Path = relativePath(r.opts.base, match.Path)
	}
	switch {
	case r.opts.sort:
		r.collected = append(r.collected, match)
	default:
		r.print(match)
	}
}

// Problem implements scan.Sink.
func (r *reporter) Problem(problem scan.Problem) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.finished {
		return
	}
	r.rootDenied = r.rootDenied || problem.Root && (problem.Kind == scan.Denied || problem.Kind == scan.InUse)
	r.privacyDenied = r.privacyDenied || guardsPrivacy && errors.Is(problem.Err, syscall.EPERM)
	r.outOfDescriptors = r.outOfDescriptors || problem.Kind == scan.Handles
	if r.opts.relative {
		problem.Path = relativePath(r.opts.base, problem.Path)
	}
	switch {
	case r.opts.events:
		path, exact := jsonPath(problem.Path)
		r.writeLine(ErrorRecord{"error", path, exact, string(problem.Kind), problem.Err.Error()})
	case problem.Kind != scan.Placeholder: // only counted
		r.message("error: %s: %v", escapeText(problem.Path), problem.Err)
	}
}

// guardsPrivacy is true where the system returns EPERM for folders that the user owns
// and the terminal may not read. Tests replace it.
var guardsPrivacy = runtime.GOOS == "darwin"

// isRootDenied reports whether a root was denied or in use.
func (r *reporter) isRootDenied() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.rootDenied
}

func (r *reporter) print(match scan.Match) {
	if r.opts.unique && match.Inode != 0 {
		key := [2]uint64{match.Device, match.Inode}
		if _, seen := r.seen[key]; seen {
			return
		}
		r.seen[key] = struct{}{}
	}
	r.printed++
	switch {
	case r.opts.countOnly:
	case r.opts.asJSONLines:
		r.writeLine(r.record(match))
	case r.opts.asJSON:
		r.writeEntry(r.record(match))
	default:
		r.write(formatText(match, r.opts, r.escapeOut))
	}
}

func (r *reporter) writeEntry(record Record) {
	text := r.encode(record, "    ", "  ")
	separator := ",\n    "
	if r.printed == 1 {
		separator = "\n    "
	}
	r.write(separator + strings.TrimSuffix(text, "\n"))
}

func (r *reporter) writeLine(value any) { r.write(r.encode(value, "", "")) }

// encode returns a record as JSON, safe for a terminal if it goes to one.
func (r *reporter) encode(value any, prefix, indent string) string {
	if r.escapeOut {
		return encodeJSON(value, prefix, indent, isSafe)
	}
	return encodeJSON(value, prefix, indent, anyCharacter)
}

// write puts text into the buffer; the caller holds mu.
func (r *reporter) write(text string) {
	if r.writeErr != nil {
		return
	}
	if r.escapeOut {
		r.clearProgress()
	}
	if _, err := r.out.WriteString(text); err != nil {
		r.fail(err)
		return
	}
	if r.timer == nil {
		r.timer = time.AfterFunc(flushEvery, func() {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.flush()
		})
	}
}

func (r *reporter) flush() {
	if r.timer != nil {
		r.timer.Stop()
		r.timer = nil
	}
	if r.escapeOut && r.out.Buffered() > 0 {
		r.clearProgress()
	}
	if err := r.out.Flush(); err != nil && r.writeErr == nil {
		r.fail(err)
	}
}

func (r *reporter) fail(err error) {
	r.writeErr = err
	r.cancel()
}

// message writes a line to standard error; the caller holds mu.
func (r *reporter) message(format string, values ...any) {
	r.clearProgress()
	fmt.Fprintf(r.stderr, "sqlite-scanner: "+format+"\n", values...)
}

func (r *reporter) clearProgress() {
	if r.progressWidth > 0 {
		fmt.Fprintf(r.stderr, "\r%s\r", strings.Repeat(" ", r.progressWidth))
		r.progressWidth = 0
	}
}

// progress writes a progress record, or redraws the progress line.
func (r *reporter) progress(stats scan.Stats, elapsed time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.finished:
	case r.opts.events:
		r.writeLine(newProgress(stats))
	case r.showProgress:
		r.flush()
		line := formatProgress(stats, elapsed)
		padding := max(0, r.progressWidth-len(line))
		fmt.Fprintf(r.stderr, "\r%s%s", line, strings.Repeat(" ", padding))
		r.progressWidth = len(line)
	}
}

func newProgress(stats scan.Stats) Progress {
	return Progress{"progress", stats.Files, stats.Folders, stats.Matches, stats.Errors}
}

func formatProgress(stats scan.Stats, elapsed time.Duration) string {
	rate := float64(stats.Files) / max(elapsed.Seconds(), 0.001)
	return fmt.Sprintf("%d files, %.0f per second, %d found", stats.Files, rate, stats.Matches)
}

// finish writes and flushes the rest of the output; afterwards matches and problems are
// ignored. It returns the first error in writing.
func (r *reporter) finish(stats scan.Stats, elapsed time.Duration) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	sort.Slice(r.collected, func(i, j int) bool { return r.collected[i].Path < r.collected[j].Path })
	for _, match := range r.collected {
		r.print(match)
	}
	r.finished = true
	switch {
	case r.opts.countOnly:
		r.write(fmt.Sprintf("%d\n", r.printed))
	case r.opts.events:
		r.writeLine(newProgress(stats))
	case r.opts.asJSON && !r.opts.asJSONLines:
		r.write("\n  ]\n}\n")
	}
	r.flush()
	r.clearProgress()
	r.summarize(stats, elapsed)
	return r.writeErr
}

func (r *reporter) summarize(stats scan.Stats, elapsed time.Duration) {
	if r.writeErr != nil && !isBrokenPipe(r.writeErr) {
		r.message("error: cannot write the results: %v; %s", r.writeErr, writeHint)
	}
	if isBrokenPipe(r.writeErr) {
		return
	}
	if stats.Placeholders > 0 {
		r.message("%s skipped whose content is not on this disk; --recall fetches it", pluralize(stats.Placeholders, "file", "files"))
	}
	if stats.Errors > 0 {
		inUse := ""
		if stats.InUse > 0 {
			inUse = fmt.Sprintf(", %d in use by another program", stats.InUse)
		}
		r.message("%s could not be scanned, %d for lack of permission%s", pluralize(stats.Errors, "entry", "entries"), stats.Denied, inUse)
	}
	if r.privacyDenied {
		r.message("hint: macOS protects some folders: give your terminal Full Disk Access (System Settings > Privacy & Security), then scan again")
	}
	if r.outOfDescriptors {
		r.message("hint: the system ran out of file descriptors: end some programs or raise the limit (ulimit -n), then scan again")
	}
	if r.opts.stats {
		r.message("%d files, %d folders, %d databases, %d bytes read, %d errors, %.3f seconds",
			stats.Files, stats.Folders, stats.Matches, stats.BytesRead, stats.Errors, elapsed.Seconds())
	}
}

func pluralize(number int64, singular, plural string) string {
	if number == 1 {
		return "1 " + singular
	}
	return fmt.Sprintf("%d %s", number, plural)
}

func (r *reporter) record(match scan.Match) Record {
	var record Record
	record.Path, record.PathBase64 = jsonPath(match.Path)
	if r.opts.events {
		record.Event = "match"
	}
	if r.opts.size || r.opts.scan.Details {
		record.Size = &match.Size
	}
	if r.opts.scan.Details {
		record.Details = newDetails(match)
	}
	return record
}

func newDetails(match scan.Match) *Details {
	h := match.Header
	return &Details{
		Modified: match.Modified.UTC().Format(timeFormat), Device: match.Device, Inode: match.Inode,
		Valid: h.Valid, Reason: h.Reason, PageSize: h.PageSize, PageCount: h.PageCount,
		Encoding: h.Encoding, JournalMode: h.JournalMode, UserVersion: h.UserVersion,
		ApplicationID: h.ApplicationID, Application: h.Application, SchemaFormat: h.SchemaFormat,
		SQLiteVersion: h.SQLiteVersion, Companions: match.Companions,
	}
}

// jsonPath returns a path for JSON and, if it is not valid UTF-8, its bytes in base64:
// the encoder replaces invalid bytes by U+FFFD.
func jsonPath(path string) (text, exact string) {
	if utf8.ValidString(path) {
		return path, ""
	}
	return path, base64.StdEncoding.EncodeToString([]byte(path))
}
