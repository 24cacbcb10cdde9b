package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/pflag"

	"sqlite-scanner/internal/scan"
)

// Exit codes. An interrupted run ends with 128 + the number of the signal.
const (
	exitFine       = 0
	exitIncomplete = 1 // something could not be scanned
	exitMisuse     = 2
	exitBrokenPipe = 128 + 13 // nobody reads our output any more
	exitSignalBase = 128
)

// grace is how long an interrupted scan may take to end its system calls (a
// hanging network mount may never do) before the output is closed without it.
// finishGrace is how long closing the output may take then.
const (
	grace       = 300 * time.Millisecond
	finishGrace = time.Second
)

const usageHead = `sqlite-scanner finds SQLite databases by the first bytes of every file,
whatever the files are called.

Usage:
  sqlite-scanner [flags] [paths...]   (flags may stand anywhere)

Flags:
`

const usageTail = `
Examples:
  sqlite-scanner                      scan the current folder
  sqlite-scanner ~ /mnt/backup        scan two folders
  sqlite-scanner --details ~          tell what each database is
  sqlite-scanner --jsonl --size /srv  one JSON object per line
  sqlite-scanner -0 | xargs -0 ls -l  names with any character in them

Exit codes: 0 all was scanned (entries without permission are only counted,
unless --strict), 1 something could not be scanned, 2 wrong arguments.
`

// options are the parsed command line.
type options struct {
	scan    scan.Config
	paths   []string
	exclude []string
	asJSON, asJSONLines, asNul, asCount, size, events, sort, unique,
	strict, stats, version, help bool
}

// run is the whole program; it returns the exit code.
func run(args []string, stdout, stderr io.Writer) int {
	opts, flags, err := parseArguments(args)
	switch {
	case err != nil:
		fmt.Fprintf(stderr, "sqlite-scanner: error: %s\nsqlite-scanner: hint: sqlite-scanner --help lists all flags\n", escapeText(err.Error()))
		return exitMisuse
	case opts.help:
		return printText(stdout, usageHead+flags.FlagUsages()+usageTail)
	case opts.version:
		return printText(stdout, version+"\n")
	}
	return runScan(opts, stdout, stderr)
}

func printText(stdout io.Writer, text string) int {
	if _, err := io.WriteString(stdout, text); err != nil {
		return exitIncomplete
	}
	return exitFine
}

func defineFlags(o *options) *pflag.FlagSet {
	flags := pflag.NewFlagSet("sqlite-scanner", pflag.ContinueOnError)
	flags.SortFlags = false
	flags.Usage = func() {}
	defineOutputFlags(flags, o)
	defineScanFlags(flags, o)
	flags.BoolVar(&o.version, "version", false, "print the version")
	flags.BoolVarP(&o.help, "help", "h", false, "print this text")
	return flags
}

func defineOutputFlags(flags *pflag.FlagSet, o *options) {
	flags.BoolVar(&o.asJSON, "json", false, "print a JSON object with an entries array")
	flags.BoolVar(&o.asJSONLines, "jsonl", false, "print one JSON object per line")
	flags.BoolVarP(&o.asNul, "print0", "0", false, "end each path with a NUL instead of a newline")
	flags.BoolVar(&o.asCount, "count", false, "print only how many databases there are")
	flags.BoolVar(&o.size, "size", false, "print sizes in bytes, too")
	flags.BoolVar(&o.scan.Details, "details", false, "print what the header of each database tells")
	flags.BoolVar(&o.sort, "sort", false, "print in the order of the paths, at the end of the scan")
	flags.BoolVar(&o.unique, "unique", false, "print a file with several names (hard links) once")
	flags.BoolVar(&o.events, "events", false, "with --jsonl: print match, progress and error records")
	flags.BoolVar(&o.stats, "stats", false, "print counts and seconds on standard error at the end")
	flags.BoolVar(&o.strict, "strict", false, "exit with 1 when permission was denied anywhere")
}

func defineScanFlags(flags *pflag.FlagSet, o *options) {
	flags.StringArrayVar(&o.paths, "path", nil, "scan `PATH` when no paths are given without a flag (repeatable)")
	flags.StringArrayVar(&o.exclude, "exclude", nil, "leave out what matches `GLOB`, written as in .gitignore (repeatable)")
	flags.IntVar(&o.scan.MaxDepth, "max-depth", scan.NoLimit, "look at most `N` folders deep; 1 is the entries of the paths themselves")
	flags.Lookup("max-depth").DefValue = "0" // pflag's way to leave a default out of the help
	flags.BoolVarP(&o.scan.OneFileSystem, "one-file-system", "x", false, "do not enter other file systems")
	flags.BoolVar(&o.scan.NoHidden, "no-hidden", false, "leave out names that start with a dot")
	flags.BoolVar(&o.scan.Follow, "follow", false, "follow symbolic links")
	flags.BoolVar(&o.scan.Recall, "recall", false, "read files that must first be fetched from a cloud")
	flags.BoolVar(&o.scan.Quick, "quick", false, "ask for sizes first: faster, misses truncated databases")
	flags.IntVar(&o.scan.Workers, "workers", scan.DefaultWorkers(), "read `N` folders at once, at most 1024")
}

// parseArguments reads the command line; nothing has been touched when it
// returns an error.
func parseArguments(args []string) (*options, *pflag.FlagSet, error) {
	opts := &options{}
	flags := defineFlags(opts)
	if err := flags.Parse(args); err != nil {
		return nil, nil, err
	}
	if opts.help || opts.version {
		return opts, flags, nil
	}
	if faults := findConflicts(opts, flags); len(faults) > 0 {
		return nil, nil, errors.New(strings.Join(faults, "; "))
	}
	var err error
	if opts.scan.Excludes, err = scan.ParseExcludes(opts.exclude); err != nil {
		return nil, nil, fmt.Errorf("--exclude: %w", err)
	}
	opts.scan.Roots = chooseRoots(opts.paths, flags.Args())
	return opts, flags, nil
}

// chooseRoots lets paths take the place of --path, as in 0.1.1.
func chooseRoots(flagged, paths []string) []string {
	switch {
	case len(paths) > 0:
		return paths
	case len(flagged) > 0:
		return flagged
	}
	return []string{"."}
}

// findConflicts returns everything wrong with how flags go together.
func findConflicts(o *options, flags *pflag.FlagSet) []string {
	asJSON := o.asJSON || o.asJSONLines
	tooShallow := o.scan.MaxDepth < 0 && flags.Changed("max-depth")
	var faults []string
	for _, rule := range []struct {
		broken bool
		fault  string
	}{
		{o.scan.Workers < 1, fmt.Sprintf("--workers must be at least 1, not %d", o.scan.Workers)},
		{tooShallow, fmt.Sprintf("--max-depth must be at least 0, not %d", o.scan.MaxDepth)},
		{o.events && !o.asJSONLines, "--events needs --jsonl"},
		{o.events && o.sort, "--events streams: it does not go with --sort"},
		{o.asNul && asJSON, "--print0 does not go with --json or --jsonl"},
		{o.asNul && (o.size || o.scan.Details), "--print0 prints paths alone: it does not go with --size or --details"},
		{o.asCount && (asJSON || o.asNul), "--count does not go with --json, --jsonl or --print0"},
		{slices.Contains(slices.Concat(o.paths, flags.Args()), ""), "a path is empty; write . for the current folder"},
	} {
		if rule.broken {
			faults = append(faults, rule.fault)
		}
	}
	return faults
}

// runScan scans and reports. Its goroutines: one scans, one ticks; both end
// with the scan, or are left behind when a signal came. After a signal, one
// closes the output and is left behind if it cannot.
func runScan(opts *options, stdout, stderr io.Writer) int {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	signals := catchSignals()
	defer signal.Stop(signals)

	report := newReporter(opts, stdout, stderr, cancel)
	scanner := scan.New(opts.scan, report)
	begun := time.Now()
	done := make(chan struct{})
	// Before the scan begins: Go's timers need two handles, too.
	ticker := time.NewTicker(tickEvery)
	defer ticker.Stop()
	go func() {
		defer close(done)
		scanner.Run(ctx)
	}()
	go tickUntil(done, ticker.C, func() { report.progress(scanner.Stats(), time.Since(begun)) })
	caught := await(done, signals, cancel)
	failure := finishInTime(caught != nil, func() error { return report.finish(scanner.Stats(), time.Since(begun)) })
	if caught != nil {
		return exitSignalBase + signalNumber(caught)
	}
	return exitCode(opts, scanner.Stats(), report.rootDenied(), failure)
}

// finishInTime calls finish. After a signal it does not wait for ever: the
// reader of our output may have stopped reading without going away.
func finishInTime(hurry bool, finish func() error) error {
	if !hurry {
		return finish()
	}
	done := make(chan error, 1)
	go func() { done <- finish() }()
	select {
	case err := <-done:
		return err
	case <-time.After(finishGrace):
		return nil
	}
}

func signalNumber(caught os.Signal) int {
	number, _ := caught.(syscall.Signal)
	return int(number)
}

// tickEvery is the time between two progress reports.
const tickEvery = 250 * time.Millisecond

// tickUntil calls tick at each tick of the clock. It has a goroutine of its own: tick
// may have to wait for whoever reads our output.
func tickUntil(done <-chan struct{}, clock <-chan time.Time, tick func()) {
	for {
		select {
		case <-done:
			return
		case <-clock:
			tick()
		}
	}
}

// catchSignals sends the signals that end a scan early. One that the program
// was started to ignore (nohup, a shell's background job) stays ignored.
func catchSignals() chan os.Signal {
	signals := make(chan os.Signal, 1)
	for _, wanted := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP} {
		if !signal.Ignored(wanted) {
			signal.Notify(signals, wanted)
		}
	}
	return signals
}

// await returns when the scan is done, or was given grace after a signal,
// which is returned. A second signal ends the program at once.
func await(done <-chan struct{}, signals chan os.Signal, cancel func()) os.Signal {
	select {
	case <-done:
		return nil
	case caught := <-signals:
		signal.Reset()
		cancel()
		select {
		case <-done:
		case <-time.After(grace):
		}
		return caught
	}
}

func exitCode(opts *options, stats scan.Stats, rootDenied bool, failure error) int {
	switch {
	case isBrokenPipe(failure):
		return exitBrokenPipe
	case failure != nil, stats.Errors > stats.Denied, rootDenied, opts.strict && stats.Denied > 0:
		return exitIncomplete
	}
	return exitFine
}
