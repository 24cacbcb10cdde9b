//go:build !android && (amd64 || arm64)

package main

// Go reserves 1.2 GB of addresses on 64-bit Linux before any code of a program runs. Where
// the system refuses them (ulimit -v) it ends with a dump, or goes on with an index at address
// zero (runtime.scavengeIndex.sysInit). So the wheels' programs begin at start, which tries to
// reserve as much, goes on to the runtime's own entry, or prints one line and exits with code 1.
// A plain `go build` leaves it out.
func start()

var (
	// addressSpace is in bytes: what the runtime reserves, and some heap; the program itself
	// has the rest of 1.5 GB.
	addressSpace   = 1500 << 20
	tooLittleSpace = "sqlite-scanner: error: too little address space; allow 1.5 GB: ulimit -v 1572864\n"
)

// Only assembly reads them.
var _, _, _ = start, addressSpace, tooLittleSpace
