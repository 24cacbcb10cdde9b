//go:build !android && (amd64 || arm64)

package main

// What Go's runtime does before any code of a program runs can't be undone there, so the wheels'
// programs begin at start. It makes three system calls of the same kind, and goes on to the
// runtime's own entry, or prints a line and exits with code 1. A plain `go build` leaves it out.
//
//   - Go opens /dev/null where standard output is closed, and the results would be gone.
//   - Go reserves 1.2 GB of addresses on 64-bit systems. Where they are refused (ulimit -v) it ends
//     with a dump, or goes on with an index at address zero (runtime.scavengeIndex.sysInit).
//   - Go allocates a map of its heap, 32 MB, and ends with a dump without it (ulimit -d).
func start()

var (
	outputClosed = "sqlite-scanner: error: standard output is closed; send it somewhere: sqlite-scanner ... > FILE\n"
	// addressSpace is in bytes: what the runtime reserves, and some heap; the program itself
	// has the rest of 1.5 GB.
	addressSpace   = 1500 << 20
	tooLittleSpace = "sqlite-scanner: error: too little address space; allow 1.5 GB: ulimit -v 1572864\n"
	// dataSize is in bytes: the runtime's map, and some heap; 64 MB with the program itself.
	dataSize      = 60 << 20
	tooLittleData = "sqlite-scanner: error: too little memory; allow 64 MB: ulimit -d 65536\n"
)

// Only assembly reads them.
var _, _, _, _, _, _ = start, outputClosed, addressSpace, tooLittleSpace, dataSize, tooLittleData
