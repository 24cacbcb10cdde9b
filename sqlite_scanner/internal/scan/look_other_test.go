//go:build unix && !linux

package scan

import "testing"

func lookAt(_ *testing.T, s *Scan, root, name string) { portableLook(s, root, name) }
