// Command sqlite-scanner finds SQLite databases below folders, whatever their
// names, by looking at the first bytes of every file.
package main

import "os"

// version is set by the build: -ldflags "-X main.version=1.2.3".
var version = "dev"

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}
