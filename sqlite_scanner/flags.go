package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"sqlite-scanner/internal/scan"
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
  sqlite-scanner --details ~          show what each database is
  sqlite-scanner --jsonl --size /srv  one JSON object per line
  sqlite-scanner -0 | xargs -0 ls -l  names with any character in them

Exit codes: 0 everything was scanned (entries without permission or in use by
another program are only counted, unless --strict), 1 something could not be
scanned, 2 wrong arguments.
`

// options are the parsed command line.
type options struct {
	scan    scan.Config
	paths   []string
	exclude []string
	base    string // with relative: the current folder, links resolved
	asJSON, asJSONLines, print0, countOnly, size, human, relative, events, sort, unique,
	strict, stats, version, help bool
}

func defineFlags(o *options) *pflag.FlagSet {
	flags := pflag.NewFlagSet("sqlite-scanner", pflag.ContinueOnError)
	flags.SortFlags = false
	flags.Usage = func() {}
	defineOutputFlags(flags, o)
	defineScanFlags(flags, o)
	flags.BoolVarP(&o.version, "version", "V", false, "print the version")
	flags.BoolVarP(&o.help, "help", "h", false, "print this text")
	return flags
}

func defineOutputFlags(flags *pflag.FlagSet, o *options) {
	flags.BoolVar(&o.asJSON, "json", false, "print a JSON object with an entries array")
	flags.BoolVar(&o.asJSONLines, "jsonl", false, "print one JSON object per line")
	flags.BoolVarP(&o.print0, "print0", "0", false, "end each path with a NUL instead of a newline")
	flags.BoolVar(&o.countOnly, "count", false, "print only how many databases there are")
	flags.BoolVar(&o.size, "size", false, "print sizes in bytes, too")
	flags.BoolVar(&o.human, "human", false, "print sizes as ls -h does: 4.0K, 12M")
	flags.BoolVar(&o.scan.Details, "details", false, "print the fields of each database's header")
	flags.BoolVar(&o.relative, "relative", false, "print paths relative to the current folder")
	flags.BoolVar(&o.sort, "sort", false, "print in the order of the paths, at the end of the scan")
	flags.BoolVar(&o.unique, "unique", false, "print a file with several names (hard links) once")
	flags.BoolVar(&o.events, "events", false, "with --jsonl: print match, progress and error records")
	flags.BoolVar(&o.stats, "stats", false, "print counts and seconds on standard error at the end")
	flags.BoolVar(&o.strict, "strict", false, "exit with 1 if permission was denied or a file was in use")
}

func defineScanFlags(flags *pflag.FlagSet, o *options) {
	flags.StringArrayVar(&o.paths, "path", nil, "scan `PATH` when no paths are given without a flag (repeatable)")
	flags.StringArrayVar(&o.exclude, "exclude", nil, "leave out what matches `GLOB`, written as in .gitignore (repeatable)")
	flags.IntVar(&o.scan.MaxDepth, "max-depth", scan.NoLimit, "look at most `N` folders deep; 1 is the entries of the paths themselves")
	flags.Lookup("max-depth").DefValue = "0" // pflag's way to leave a default out of the help
	flags.BoolVarP(&o.scan.OneFileSystem, "one-file-system", "x", false, "do not enter other file systems")
	flags.BoolVar(&o.scan.NoHidden, "no-hidden", false, "leave out names that start with a dot")
	flags.BoolVar(&o.scan.Follow, "follow", false, "follow symbolic links, on Windows junctions too")
	flags.BoolVar(&o.scan.Recall, "recall", false, "read files that must first be fetched from a cloud")
	flags.BoolVar(&o.scan.Quick, "quick", false, "check sizes first: faster, misses truncated databases")
	flags.IntVar(&o.scan.Workers, "workers", scan.DefaultWorkers(), "read `N` folders at once, at most 1024")
}

// parseArguments parses the command line.
func parseArguments(args []string) (*options, *pflag.FlagSet, error) {
	opts := &options{}
	flags := defineFlags(opts)
	if err := flags.Parse(args); err != nil {
		return nil, nil, describeFlagError(err, flags)
	}
	if opts.help || opts.version {
		return opts, flags, nil
	}
	faults := append(findMissingValues(args, flags), findConflicts(opts, flags)...)
	if len(faults) > 0 {
		return nil, nil, errors.New(strings.Join(faults, "; "))
	}
	var err error
	if opts.scan.Excludes, err = scan.ParseExcludes(opts.exclude); err != nil {
		return nil, nil, fmt.Errorf("--exclude: %w", err)
	}
	if opts.relative {
		if opts.base, err = scan.CurrentFolder(); err != nil {
			return nil, nil, fmt.Errorf("--relative: %w", err)
		}
	}
	opts.scan.Roots = chooseRoots(opts.paths, flags.Args())
	return opts, flags, nil
}

// chooseRoots returns the paths, else those of --path, as in 0.1.1.
func chooseRoots(flagged, paths []string) []string {
	switch {
	case len(paths) > 0:
		return paths
	case len(flagged) > 0:
		return flagged
	}
	return []string{"."}
}

// findConflicts returns every invalid value and combination of flags.
func findConflicts(o *options, flags *pflag.FlagSet) []string {
	asJSON := o.asJSON || o.asJSONLines
	tooShallow := o.scan.MaxDepth < 0 && flags.Changed("max-depth")
	var faults []string
	for _, rule := range []struct {
		violated bool
		fault    string
	}{
		{o.scan.Workers < 1, fmt.Sprintf("--workers must be at least 1, not %d", o.scan.Workers)},
		{tooShallow, fmt.Sprintf("--max-depth must be at least 0, not %d", o.scan.MaxDepth)},
		{o.events && !o.asJSONLines, "--events needs --jsonl"},
		{o.events && o.sort, "--events streams; it can't be combined with --sort"},
		{o.print0 && asJSON, "--print0 can't be combined with --json or --jsonl"},
		{o.print0 && (o.size || o.human || o.scan.Details), "--print0 prints paths only; it can't be combined with --size, --human or --details"},
		{o.countOnly && (asJSON || o.print0), "--count can't be combined with --json, --jsonl or --print0"},
		{o.countOnly && (o.size || o.human || o.scan.Details || o.relative), "--count prints only a number; it can't be combined with --size, --human, --details or --relative"},
		{o.human && asJSON, "--human can't be combined with --json or --jsonl, where sizes are bytes"},
		{slices.Contains(slices.Concat(o.paths, flags.Args()), ""), "a path is empty; write . for the current folder"},
	} {
		if rule.violated {
			faults = append(faults, rule.fault)
		}
	}
	return faults
}
