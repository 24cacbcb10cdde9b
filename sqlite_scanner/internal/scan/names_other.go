//go:build !darwin && !windows

package scan

var hostStyle = nameStyle{}
