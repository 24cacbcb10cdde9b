//go:build !linux

package scan

func (s *Scan) walk(tasks *pool[task], round []task) { s.walkPortable(tasks, round) }
