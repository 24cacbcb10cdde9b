// Command hello prints what it was given.
package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

var (
	version  = "dev"
	unset    string
	computed = strings.ToUpper("computed")
	number   = 7
)

func main() {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "--version":
			fmt.Println("hello", version)
			return
		case "--echo":
			fmt.Println(strings.Join(os.Args[2:], " "))
			return
		case "--exit":
			code, _ := strconv.Atoi(os.Args[2])
			os.Exit(code)
		}
	}
	fmt.Println("hello", version, unset, computed, number)
}
