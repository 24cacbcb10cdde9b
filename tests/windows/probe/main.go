// Command probe shows what reaches a program: arguments, exit codes, Ctrl-C.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"time"
)

var version = "dev"

// describe is C's where the program is built with cgo.
var describe = func(string) string { return "no C" }

const usage = `probe ARGUMENT...    prints the arguments as JSON
probe --exit CODE    exits with CODE
probe --wait         prints "ready", then waits for Ctrl-C, and exits with 130
probe --c TEXT       prints what the program's C makes of it
probe --version
`

func main() {
	arguments := os.Args[1:]
	switch {
	case len(arguments) == 1 && arguments[0] == "--version":
		fmt.Println("probe", version)
	case len(arguments) == 1 && arguments[0] == "--help":
		fmt.Print(usage)
	case len(arguments) == 2 && arguments[0] == "--exit":
		code, _ := strconv.Atoi(arguments[1])
		os.Exit(code)
	case len(arguments) == 2 && arguments[0] == "--c":
		fmt.Println(describe(arguments[1]))
	case len(arguments) == 1 && arguments[0] == "--wait":
		wait()
	default:
		json.NewEncoder(os.Stdout).Encode(arguments)
	}
}

// wait ends after a minute, so that a failed test leaves nothing behind.
func wait() {
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt)
	fmt.Println("ready")
	select {
	case <-interrupts:
		fmt.Println("interrupted")
		os.Exit(130)
	case <-time.After(time.Minute):
		os.Exit(3)
	}
}
