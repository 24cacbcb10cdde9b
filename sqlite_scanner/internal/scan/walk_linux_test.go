package scan

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

func newLinux(s *Scan, root string) (*linuxWorker, *folder, error) {
	fd, err := syscall.Open(root, syscall.O_RDONLY|syscall.O_DIRECTORY, 0)
	w := &linuxWorker{Scan: s, descriptors: &descriptorBudget{limit: 10}, header: make([]byte, s.config.headerLength())}
	tasks := newPool[task](1)
	w.own = &stack[task]{pool: tasks}
	return w, &folder{name: root, fd: fd, system: fileSystem{local: true}}, err
}

func lookAt(t *testing.T, s *Scan, root, name string) {
	if s.config.Portable {
		portableLook(s, root, name)
		return
	}
	w, f, err := newLinux(s, root)
	if err != nil {
		t.Error(err)
		return
	}
	defer syscall.Close(f.fd)
	w.file(f, withNul(name), syscall.O_NOFOLLOW)
}

func TestAccessTimesStay(t *testing.T) {
	eachWalker(t, func(t *testing.T, config Config) {
		root := makeTree(t, tree{"sub/x.db": database(), "sub/plain": "not a database at all"})
		long := time.Now().Add(-1000 * time.Hour) // relatime would renew what is older than a day
		for _, path := range []string{"sub/x.db", "sub/plain", "sub"} {
			must(t, os.Chtimes(filepath.Join(root, path), long, long))
		}
		expect(t, config, root, "sub/x.db")
		for _, path := range []string{"sub/x.db", "sub/plain", "sub"} {
			var stat syscall.Stat_t
			must(t, syscall.Stat(filepath.Join(root, path), &stat))
			if int64(stat.Atim.Sec) != long.Unix() {
				t.Errorf("%s was accessed", path)
			}
		}
	})
}

// File systems may leave the kind of an entry out of their listing.
func TestListingWithoutKinds(t *testing.T) {
	root := makeTree(t, tree{"x.db": database(), "sub/": ""})
	symlink(t, "x.db", filepath.Join(root, "link"))
	must(t, syscall.Mkfifo(filepath.Join(root, "fifo"), 0o644))
	sink := &collector{}
	w, f, err := newLinux(New(Config{MaxDepth: NoLimit}, sink), root)
	must(t, err)
	defer syscall.Close(f.fd)
	within(t, func() {
		for _, name := range []string{"x.db", "sub", "link", "fifo", "gone"} {
			w.entry(f, dirent{name: withNul(name), kind: syscall.DT_UNKNOWN})
		}
	})
	same(t, sink.paths(root), []string{"x.db"})
	same(t, sink.kinds(root), []string{"gone vanished"})
	if len(w.own.tasks) != 1 || w.own.tasks[0].folder.name != "sub" {
		t.Errorf("folders to do: %v", w.own.tasks)
	}
}

// makeChain nests folders deeper than PATH_MAX and returns the paths of the
// databases in it.
func makeChain(t *testing.T, root string, depth int) []string {
	t.Helper()
	name := strings.Repeat("d", 200)
	fd, err := syscall.Open(root, syscall.O_RDONLY, 0)
	must(t, err)
	var want []string
	path := ""
	for level := 0; level < depth; level++ {
		must(t, syscall.Mkdirat(fd, name, 0o755))
		next, err := syscall.Openat(fd, name, syscall.O_RDONLY, 0)
		must(t, err)
		must(t, syscall.Close(fd))
		fd = next
		path += name + "/"
		file, err := syscall.Openat(fd, "x.db", syscall.O_WRONLY|syscall.O_CREAT, 0o644)
		must(t, err)
		_, err = syscall.Write(file, []byte(database()))
		must(t, err)
		must(t, syscall.Close(file))
		want = append(want, path+"x.db")
	}
	must(t, syscall.Close(fd))
	slices.Sort(want)
	return want
}

func TestPathsLongerThanTheKernelTakes(t *testing.T) {
	root := makeTree(t, nil)
	want := makeChain(t, root, 40)
	expect(t, Config{MaxDepth: NoLimit}, root, want...)

	// The portable walker names paths whole: it says where it had to stop.
	found, stats := runScan(Config{MaxDepth: NoLimit, Portable: true, Roots: []string{root}})
	if len(found.matches) < 19 || stats.Errors == 0 || found.problems[0].Err != syscall.ENAMETOOLONG {
		t.Errorf("%d matches, %+v", len(found.matches), stats)
	}
}

// With no descriptor to spare folders are opened by path, and where that is too
// long step by step.
func TestFoldersAreReopenedWithoutHandlesToSpare(t *testing.T) {
	root := makeTree(t, tree{"a/b/x.db": database(), "a/c/y.db": database(), "z.db": database()})
	want := append(makeChain(t, root, 30), "a/b/x.db", "a/c/y.db", "z.db")
	slices.Sort(want)
	sink := &collector{}
	s := New(Config{MaxDepth: NoLimit, Roots: []string{root}}, sink)
	tasks := newPool[task](2)
	descriptors := &descriptorBudget{}
	tasks.run(s.openRoots(), func(own *stack[task]) func(task) {
		w := &linuxWorker{Scan: s, own: own, descriptors: descriptors, listing: make([]byte, listingSize), header: make([]byte, magicLength)}
		return w.work
	}, func(task) {})
	same(t, sink.paths(root), want)
	same(t, sink.kinds(root), nil)
	if descriptors.open.Load() != 0 {
		t.Errorf("%d descriptors left open", descriptors.open.Load())
	}
}

func countHandles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	return len(entries)
}

func TestNoHandleIsLeftOpen(t *testing.T) {
	eachWalker(t, func(t *testing.T, config Config) {
		content := tree{}
		for i := 0; i < 200; i++ {
			content[fmt.Sprintf("%d/%d/%d/x.db", i%3, i%17, i)] = database()
		}
		root := makeTree(t, content)
		config.Roots = []string{root}
		runScan(config)
		before := countHandles(t)
		runScan(config)
		if after := countHandles(t); after > before {
			t.Errorf("%d descriptors before, %d after", before, after)
		}
	})
}

func TestPlanHandles(t *testing.T) {
	for _, c := range []struct{ wanted, free, workers, waiting int }{
		{16, 1024, 16, 968}, {16, 32, 8, 0}, {16, 40, 10, 2}, {16, 4, 1, 0}, {16, -3, 1, 0}, {1, 1024, 1, 1013},
	} {
		workers, waiting := planDescriptors(c.wanted, c.free)
		if workers != c.workers || waiting != int64(c.waiting) {
			t.Errorf("%d workers with %d descriptors: got %d and %d", c.wanted, c.free, workers, waiting)
		}
	}
}

// /proc holds files that can be opened but not read.
func TestReadErrors(t *testing.T) {
	eachWalker(t, func(t *testing.T, config Config) {
		config.Roots = []string{"/proc/self/mem"}
		found, _ := runScan(config)
		if len(found.problems) != 1 || found.problems[0].Kind != IO || found.problems[0].Err != syscall.EIO {
			t.Errorf("%+v", found.problems)
		}
		sink := asFile(t, config, "/proc/self", "mem")
		if len(sink.problems) != 1 || sink.problems[0].Err != syscall.EIO {
			t.Errorf("%+v", sink.problems)
		}
	})
}

func TestPseudoSystemsOnlyAsRoots(t *testing.T) {
	eachWalker(t, func(t *testing.T, config Config) {
		config.Roots = []string{"/proc/sys/kernel/random"}
		if _, stats := runScan(config); stats.Folders != 1 || stats.Files == 0 {
			t.Errorf("%+v", stats)
		}
		s := New(config, &collector{})
		parent := &folder{name: "/", device: 1}
		for system, want := range map[fileSystem]bool{{pseudo: true}: false, {local: true}: true} {
			child := newChild(parent, "proc")
			if got := s.mayEnter(child, fileInfo{device: 2, inode: 3}, func() fileSystem { return system }); got != want {
				t.Errorf("enters %+v: %v", system, got)
			}
		}
		s.config.OneFileSystem = true
		if s.mayEnter(newChild(parent, "mnt"), fileInfo{device: 2, inode: 4}, func() fileSystem { return fileSystem{} }) {
			t.Error("left its file system")
		}
	})
}

func TestSystemOf(t *testing.T) {
	for path, pseudo := range map[string]bool{"/proc": true, "/sys": true, os.TempDir(): false} {
		opened, err := os.Open(path)
		must(t, err)
		defer opened.Close()
		if names, _ := opened.Readdirnames(1); len(names) == 0 {
			continue // not mounted, as in a bare chroot
		}
		if got := fileSystemOf(opened); got.pseudo != pseudo || pseudo && got.local {
			t.Errorf("%s is %+v", path, got)
		}
	}
}

func makeDirent(inode uint64, kind byte, name string) []byte {
	length := (direntName + len(name) + 1 + 7) &^ 7
	raw := make([]byte, length)
	binary.NativeEndian.PutUint64(raw[direntInode:], inode)
	binary.NativeEndian.PutUint16(raw[direntLength:], uint16(length))
	raw[direntType] = kind
	copy(raw[direntName:], name)
	return raw
}

func TestNextDirent(t *testing.T) {
	listing := append(makeDirent(1, syscall.DT_DIR, "."), makeDirent(2, syscall.DT_REG, "a\nb\xff")...)
	first, rest, ok := nextDirent(listing)
	if !ok || first.name != "." || first.kind != syscall.DT_DIR || !isDots(first.name) {
		t.Errorf("got %+v, %v", first, ok)
	}
	second, rest, ok := nextDirent(rest)
	if !ok || second.name != "a\nb\xff" || second.kind != syscall.DT_REG || len(rest) != 0 {
		t.Errorf("got %+v, %v", second, ok)
	}
	if _, _, ok = nextDirent(rest); ok {
		t.Error("an entry in nothing")
	}
}

func TestNextDirentThatMakesNoSense(t *testing.T) {
	good := makeDirent(1, syscall.DT_REG, "name")
	short := bytes.Clone(good)
	binary.NativeEndian.PutUint16(short[direntLength:], 10)
	long := bytes.Clone(good)
	binary.NativeEndian.PutUint16(long[direntLength:], 200)
	endless := bytes.Clone(good)
	copy(endless[direntName:], bytes.Repeat([]byte("x"), 100))
	for name, listing := range map[string][]byte{
		"cut": good[:15], "length too short": short, "length too long": long, "no NUL": endless, "no name": makeDirent(1, 8, ""),
	} {
		if entry, _, ok := nextDirent(listing); ok {
			t.Errorf("%s: %+v", name, entry)
		}
	}
}

func FuzzNextDirent(f *testing.F) {
	f.Add(append(makeDirent(1, syscall.DT_DIR, ".."), makeDirent(2, syscall.DT_REG, "file")...))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, listing []byte) {
		for left := listing; ; {
			entry, rest, ok := nextDirent(left)
			if !ok {
				return
			}
			if entry.name == "" || strings.Contains(entry.name, "\x00") || len(rest) >= len(left) {
				t.Fatalf("%+v with %d bytes left of %d", entry, len(rest), len(left))
			}
			if end := unsafeByteAfter(entry.name); end != 0 {
				t.Fatalf("%q ends with %d", entry.name, end)
			}
			left = rest
		}
	})
}

// unsafeByteAfter returns the byte that follows a name in its listing.
func unsafeByteAfter(name string) byte {
	return unsafe.Slice(unsafe.StringData(name), len(name)+1)[len(name)]
}

// withNul returns a name as it stands in a listing: a NUL follows it.
func withNul(name string) string { return unsafe.String(newCString(name), len(name)) }
