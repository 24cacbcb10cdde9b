// Package words is below internal, as most code is.
package words

// Join puts a space between.
func Join(a, b string) string { return a + " " + b }
