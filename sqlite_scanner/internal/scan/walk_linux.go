package scan

import (
	"bytes"
	"strings"
	"syscall"
)

// listingSize is how many bytes of a folder's listing are asked for at once:
// about a thousand entries.
const listingSize = 32 << 10

// walk uses the walker for Linux unless the portable one is asked for.
//
// A folder is opened relative to the handle of its parent, its entries
// relative to its own, so that the kernel never resolves a whole path. The
// parent stays open until its last child folder is (folder.holders); when too
// many would, children are opened by path instead (handleBudget). Nothing is
// allocated for a file that is no database.
func (s *Scan) walk(tasks *pool[task], round []task) {
	if s.config.Portable {
		s.walkPortable(tasks, round)
		return
	}
	handles := &handleBudget{}
	tasks.workers, handles.limit = planHandles(tasks.workers, freeHandles())
	defer raiseSlots(tasks.workers)()
	tasks.run(round, func(_ int, own *stack[task]) func(task) {
		w := &linux{Scan: s, own: own, handles: handles}
		w.listing = make([]byte, listingSize)
		w.header = make([]byte, s.config.headerLength())
		return w.work
	}, func(t task) { (&linux{Scan: s, own: &stack[task]{pool: tasks}, handles: handles}).drop(t) })
}

// linux is one worker.
type linux struct {
	*Scan
	own     *stack[task]
	handles *handleBudget
	listing []byte
	header  []byte
	stat    syscall.Stat_t
	files   int64 // looked at since the last addCounts
	bytes   int64
}

func (w *linux) work(t task) {
	switch {
	case t.file:
		(&portable{Scan: w.Scan, buffer: w.header}).rootFile(t.folder)
	case t.listing != nil:
		w.entries(t.folder, t.listing)
		w.endListing(t.folder)
	default:
		w.folder(t.folder)
	}
	w.addCounts()
}

func (w *linux) addCounts() {
	w.counters.files.Add(w.files)
	w.counters.bytesRead.Add(w.bytes)
	w.files, w.bytes = 0, 0
}

// drop gives back what a task that will never be done holds, and lets its
// folder report what was found there.
func (w *linux) drop(t task) {
	switch {
	case t.listing != nil:
		w.endListing(t.folder)
	case t.folder.held:
		w.release(t.folder.parent)
	}
}

// release ends one holder's need of a folder's handle.
func (w *linux) release(f *folder) {
	if f.holders.Add(-1) == 0 {
		closeHandle(f.system.local, f.handle)
		w.handles.open.Add(-1)
	}
}

func (w *linux) folder(f *folder) {
	handle, err := withHandle(func() (int, error) { return asError(w.openFolder(f)) })
	if f.held {
		w.release(f.parent)
	}
	if err != nil {
		w.report(Problem{Path: f.path(), Kind: kindOf(err), Root: f.parent == nil, Err: err})
		return
	}
	w.handles.open.Add(1)
	f.handle = handle
	f.holders.Store(1)
	f.listers.Store(1)
	if w.entersHandle(f) {
		w.counters.folders.Add(1)
		w.list(f)
	}
	w.endListing(f)
}

// asError keeps 0 from becoming an error that is not nil.
func asError(handle int, errno syscall.Errno) (int, error) {
	if errno != 0 {
		return -1, errno
	}
	return handle, nil
}

func (w *linux) openFolder(f *folder) (int, syscall.Errno) {
	if f.held {
		return openAt(f.parent.system.local, f.parent.handle, terminated(f.name), openFolderFlags|syscall.O_NOFOLLOW)
	}
	flags := openFolderFlags
	if f.parent != nil && !f.viaLink {
		flags |= syscall.O_NOFOLLOW
	}
	handle, errno := openAt(false, currentFolder, terminated(f.path()), flags)
	if errno == syscall.ENAMETOOLONG && f.parent != nil {
		return w.openStepwise(f, flags)
	}
	return handle, errno
}

// openStepwise opens a folder whose path is longer than the kernel takes.
func (w *linux) openStepwise(f *folder, flags int) (int, syscall.Errno) {
	parent, errno := w.openFolder(&folder{parent: f.parent.parent, name: f.parent.name, viaLink: f.parent.viaLink})
	if errno != 0 {
		return -1, errno
	}
	defer closeHandle(false, parent)
	return openAt(false, parent, terminated(f.name), flags)
}

func (w *linux) entersHandle(f *folder) bool {
	if err := syscall.Fstat(f.handle, &w.stat); err != nil {
		w.reportIn(f, "", err)
		return false
	}
	if !w.enters(f, factsOfStat(&w.stat), func() fileSystem { return systemOfHandle(f.handle) }) {
		return false
	}
	if w.config.Details {
		f.gathered = &gathering{}
	}
	return true
}

// list goes through the listing of a folder. In a large folder the parts of
// the listing are shared with workers that have nothing to do.
func (w *linux) list(f *folder) {
	for part := 0; !w.own.pool.stopped.Load(); part++ {
		n, errno := listHandle(f.system.local, f.handle, w.listing)
		if errno != 0 {
			w.reportIn(f, "", errno)
		}
		if n <= 0 || errno != 0 {
			return
		}
		if part > 0 && w.own.pool.hungry.Load() {
			f.holders.Add(1)
			f.listers.Add(1)
			w.own.pool.share([]task{{folder: f, listing: bytes.Clone(w.listing[:n])}})
			continue
		}
		w.entries(f, w.listing[:n])
	}
}

// endListing is called once for each part of a folder that was listed on its
// own, and once for the folder.
func (w *linux) endListing(f *folder) {
	if f.listers.Add(-1) == 0 {
		w.flush(f, w.own.pool.stopped.Load())
	}
	w.release(f)
}

func (w *linux) entries(f *folder, listing []byte) {
	for !w.own.pool.stopped.Load() {
		entry, rest, ok := nextDirent(listing)
		if !ok {
			return
		}
		listing = rest
		if !isDots(entry.name) {
			w.entry(f, entry)
		}
	}
}

func (w *linux) entry(f *folder, entry dirent) {
	if f.gathered != nil {
		f.gathered.note(entry.name)
	}
	kind := entry.kind
	if kind == syscall.DT_UNKNOWN {
		kind = w.askKind(f, entry.name, noFollow)
	}
	if kind != syscall.DT_REG && kind != syscall.DT_DIR && (kind != syscall.DT_LNK || !w.config.Follow) {
		return
	}
	if !w.wants(f, entry.name, kind == syscall.DT_DIR) {
		return
	}
	switch kind {
	case syscall.DT_REG:
		w.file(f, entry.name, syscall.O_NOFOLLOW)
	case syscall.DT_DIR:
		w.subfolder(f, entry.name)
	default:
		w.link(f, entry.name)
	}
}

// askKind is for file systems whose listings do not say, and for links.
func (w *linux) askKind(f *folder, name string, flags int) byte {
	errno := statAt(f.system.local, f.handle, firstByte(name), &w.stat, flags)
	if errno != 0 {
		if flags == noFollow || kindOf(errno) != Vanished { // a link that leads nowhere is no error
			w.reportIn(f, name, errno)
		}
		return syscall.DT_UNKNOWN
	}
	return byte(w.stat.Mode & syscall.S_IFMT >> 12)
}

func (w *linux) subfolder(f *folder, name string) {
	if !w.descends(f) {
		return
	}
	child := newChild(f, strings.Clone(name))
	if w.handles.open.Load() < w.handles.limit {
		child.held = true
		f.holders.Add(1)
	}
	w.own.push(task{folder: child})
}

func (w *linux) link(f *folder, name string) {
	switch w.askKind(f, name, 0) {
	case syscall.DT_REG:
		w.file(f, name, 0)
	case syscall.DT_DIR:
		if w.descends(f) {
			child := newChild(f, strings.Clone(name))
			child.viaLink = true
			w.deferLink(child)
		}
	}
}

// file looks at one file. follow is O_NOFOLLOW or 0.
func (w *linux) file(f *folder, name string, follow int) {
	w.files++
	if w.config.Quick && !w.quickFits(f, name, follow) {
		return
	}
	handle, errno := openAt(f.system.local, f.handle, firstByte(name), openFileFlags|follow)
	if errno != 0 {
		handle, errno = w.reopen(f, name, follow, errno)
		if errno != 0 {
			w.reportIn(f, name, errno)
			return
		}
	}
	n, errno := w.read(f, handle)
	switch {
	case errno != 0:
		w.reportIn(f, name, errno)
	case isDatabase(w.header[:n]):
		w.bytes += int64(n)
		w.match(f, name, handle, w.header[:n])
	default:
		w.bytes += int64(n)
	}
	closeHandle(f.system.local, handle)
}

// read reads the front of a file. Nothing is taken out of a FIFO that has come
// in its place; a regular file of a file system without positions is read.
func (w *linux) read(f *folder, handle int) (int, syscall.Errno) {
	n, errno := readFront(f.system.local, handle, w.header)
	if errno != syscall.ESPIPE {
		return n, errno
	}
	if err := syscall.Fstat(handle, &w.stat); err != nil || !factsOfStat(&w.stat).regular {
		return 0, 0
	}
	return readHandle(f.system.local, handle, w.header)
}

// reopen waits for a file handle if that was what was wanting.
func (w *linux) reopen(f *folder, name string, follow int, errno syscall.Errno) (int, syscall.Errno) {
	if !isShortOfHandles(errno) {
		return -1, errno
	}
	handle, err := withHandle(func() (int, error) {
		return asError(openAt(f.system.local, f.handle, firstByte(name), openFileFlags|follow))
	})
	errno, _ = err.(syscall.Errno)
	return handle, errno
}

// quickFits says whether a file has the size of a database. One whose size
// cannot be asked is left to open, which finds out why.
func (w *linux) quickFits(f *folder, name string, follow int) bool {
	flags := 0
	if follow != 0 {
		flags = noFollow
	}
	errno := statAt(f.system.local, f.handle, firstByte(name), &w.stat, flags)
	return errno != 0 || sizeFits(w.stat.Size)
}

// match passes on a database, unless the entry was swapped for something that
// is no regular file since it was listed.
func (w *linux) match(f *folder, name string, handle int, header []byte) {
	if err := syscall.Fstat(handle, &w.stat); err != nil {
		w.reportIn(f, name, err)
		return
	}
	if found := factsOfStat(&w.stat); found.regular {
		w.emit(f, name, found, header)
	}
}
