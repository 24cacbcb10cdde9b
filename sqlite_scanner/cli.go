package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"sqlite-scanner/internal/scan"
)

// Exit codes. An interrupted run ends with 128 + the number of the signal.
const (
	exitOK         = 0
	exitIncomplete = 1 // something could not be scanned
	exitUsage      = 2
	exitBrokenPipe = 128 + 13 // the reader of the output is gone
	exitSignalBase = 128
)

// stopTimeout is how long an interrupted scan may take to end: a system call on a
// hanging network mount never returns. finishTimeout is how long writing the rest of
// the output may take then.
const (
	stopTimeout   = 300 * time.Millisecond
	finishTimeout = time.Second
)

// writeHint is the advice for output that can't be written.
const writeHint = "send the output to a place with room for it: sqlite-scanner ... > FILE"

// run runs the program and returns the exit code.
func run(args []string, stdout, stderr io.Writer) int {
	opts, flags, err := parseArguments(args)
	switch {
	case err != nil:
		fmt.Fprintf(stderr, "sqlite-scanner: error: %s\nsqlite-scanner: hint: %s\n", escapeText(err.Error()), escapeText(hintFor(err)))
		return exitUsage
	case opts.help:
		return printText(stdout, stderr, usageHead+flags.FlagUsages()+usageTail)
	case opts.version:
		return printText(stdout, stderr, version+"\n")
	}
	return runScan(opts, stdout, stderr)
}

func printText(stdout, stderr io.Writer, text string) int {
	_, err := io.WriteString(stdout, text)
	switch {
	case err == nil:
		return exitOK
	case isBrokenPipe(err):
		return exitBrokenPipe
	}
	fmt.Fprintf(stderr, "sqlite-scanner: error: cannot write: %v; %s\n", err, writeHint)
	return exitIncomplete
}

// runScan scans and reports. It starts a goroutine that scans and one that reports
// progress; both end with the scan. After a signal it does not wait for them longer
// than stopTimeout, nor for the goroutine that finishes the output.
func runScan(opts *options, stdout, stderr io.Writer) int {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var err error
	if opts.scan.Workers, err = scan.CheckSystem(opts.scan.Workers); err != nil {
		fmt.Fprintf(stderr, "sqlite-scanner: error: %v\n", err)
		return exitIncomplete
	}
	signals := notifySignals() // starts a thread
	defer signal.Stop(signals)
	report := newReporter(opts, stdout, stderr, cancel)
	scanner := scan.New(opts.scan, report)
	start := time.Now()
	done := make(chan struct{})
	// Before the scan begins: Go's timers need two file descriptors, too.
	ticker := time.NewTicker(progressInterval)
	defer ticker.Stop()
	go func() {
		defer close(done)
		scanner.Run(ctx)
	}()
	go tickUntil(done, ticker.C, func() { report.progress(scanner.Stats(), time.Since(start)) })
	caught := waitForScan(done, signals, cancel)
	writeErr := finishWithin(caught != nil, func() error { return report.finish(scanner.Stats(), time.Since(start)) })
	if caught != nil {
		number, _ := caught.(syscall.Signal)
		return exitSignalBase + int(number)
	}
	return exitCode(opts, scanner.Stats(), report.isRootDenied(), writeErr)
}

// finishWithin calls finish. After a signal it waits at most finishTimeout, since the
// reader of the output may have stopped reading.
func finishWithin(interrupted bool, finish func() error) error {
	if !interrupted {
		return finish()
	}
	done := make(chan error, 1)
	go func() { done <- finish() }()
	select {
	case err := <-done:
		return err
	case <-time.After(finishTimeout):
		return nil
	}
}

// progressInterval is the time between two progress reports.
const progressInterval = 250 * time.Millisecond

// tickUntil calls tick at each tick of the clock until done is closed. It needs its own
// goroutine, since tick may block on the output.
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

// notifySignals returns a channel for the signals that end a scan early. Signals that
// were ignored when the program started (nohup, background jobs) stay ignored.
func notifySignals() chan os.Signal {
	signals := make(chan os.Signal, 1)
	for _, wanted := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP} {
		if !signal.Ignored(wanted) {
			signal.Notify(signals, wanted)
		}
	}
	return signals
}

// waitForScan waits for the scan, or for a signal and then at most stopTimeout. It
// returns the signal. A second signal ends the program at once.
func waitForScan(done <-chan struct{}, signals chan os.Signal, cancel func()) os.Signal {
	select {
	case <-done:
		return nil
	case caught := <-signals:
		signal.Reset()
		cancel()
		select {
		case <-done:
		case <-time.After(stopTimeout):
		}
		return caught
	}
}

// exitCode returns the exit code of a scan that was not interrupted. Entries that are
// denied or in use are expected, unless they are roots.
func exitCode(opts *options, stats scan.Stats, rootDenied bool, writeErr error) int {
	expected := stats.Denied + stats.InUse
	switch {
	case isBrokenPipe(writeErr):
		return exitBrokenPipe
	case writeErr != nil, rootDenied, stats.Errors > expected, opts.strict && expected > 0:
		return exitIncomplete
	}
	return exitOK
}
