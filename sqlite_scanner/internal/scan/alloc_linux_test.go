package scan

import (
	"fmt"
	"syscall"
	"testing"
)

// A file that is no database leaves no garbage.
func TestNothingIsAllocatedForAFile(t *testing.T) {
	content := tree{}
	for i := 0; i < 50; i++ {
		content[fmt.Sprint(i)] = "plain, but longer than the magic"
	}
	root := makeTree(t, content)
	for _, quick := range []bool{false, true} {
		w, f, err := newLinux(New(Config{MaxDepth: NoLimit, Quick: quick, Excludes: globs(t, "*.tmp")}, &collector{}), root)
		must(t, err)
		defer syscall.Close(f.fd)
		w.listing = make([]byte, listingSize)
		n, errno := getdents(true, f.fd, w.listing)
		if errno != 0 {
			t.Fatal(errno)
		}
		if got := testing.AllocsPerRun(20, func() { w.entries(f, w.listing[:n]) }); got != 0 {
			t.Errorf("quick %v: %.0f allocations for 50 files", quick, got)
		}
		if w.files != 21*50 {
			t.Errorf("looked at %d files", w.files)
		}
	}
}
