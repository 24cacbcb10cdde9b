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

// run is the whole program; it returns the exit code.
func run(args []string, stdout, stderr io.Writer) int {
	opts, flags, err := parseArguments(args)
	switch {
	case err != nil:
		fmt.Fprintf(stderr, "sqlite-scanner: error: %s\nsqlite-scanner: hint: %s\n", escapeText(err.Error()), escapeText(hintFor(err)))
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

// runScan scans and reports. Its goroutines: one scans, one ticks; both end
// with the scan, or are left behind when a signal came. After a signal, one
// closes the output and is left behind if it cannot.
func runScan(opts *options, stdout, stderr io.Writer) int {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var err error
	if opts.scan.Workers, err = scan.CheckSystem(opts.scan.Workers); err != nil {
		fmt.Fprintf(stderr, "sqlite-scanner: error: %v\n", err)
		return exitIncomplete
	}
	signals := catchSignals() // starts a thread
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
	return exitCode(opts, scanner.Stats(), report.rootClosed(), failure)
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

// exitCode judges a scan that ran to its end. Entries that are closed to us
// (denied, or in use) are expected below a root, but not a root itself.
func exitCode(opts *options, stats scan.Stats, rootClosed bool, failure error) int {
	closed := stats.Denied + stats.InUse
	switch {
	case isBrokenPipe(failure):
		return exitBrokenPipe
	case failure != nil, rootClosed, stats.Errors > closed, opts.strict && closed > 0:
		return exitIncomplete
	}
	return exitFine
}
