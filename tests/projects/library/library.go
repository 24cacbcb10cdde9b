// Package library is not a program.
package library

// Answer is exported.
func Answer() int { return 42 }
