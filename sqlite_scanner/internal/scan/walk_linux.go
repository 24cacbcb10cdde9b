package scan

import (
	"bytes"
	"strings"
	"syscall"
)

// listingSize is the size of a getdents buffer, for about a thousand entries.
const listingSize = 32 << 10

// walk opens each folder relative to the descriptor of its parent, and entries relative
// to that of their folder, so that the kernel never resolves a whole path. The parent
// stays open until its last child folder is open (folder.holders). Beyond
// descriptorBudget, children are opened by path instead. A file that is not a database
// allocates nothing.
func (s *Scan) walk(tasks *pool[task], round []task) {
	if s.config.Portable {
		s.walkPortable(tasks, round)
		return
	}
	descriptors := &descriptorBudget{}
	tasks.workers, descriptors.limit = planDescriptors(tasks.workers, countFreeDescriptors())
	defer raiseGOMAXPROCS(tasks.workers)()
	tasks.run(round, func(own *stack[task]) func(task) {
		w := &linuxWorker{Scan: s, own: own, descriptors: descriptors}
		w.listing = make([]byte, listingSize)
		w.header = make([]byte, s.config.headerLength())
		return w.work
	}, func(t task) {
		(&linuxWorker{Scan: s, own: &stack[task]{pool: tasks}, descriptors: descriptors}).drop(t)
	})
}

// linuxWorker walks folders with system calls relative to open descriptors.
type linuxWorker struct {
	*Scan
	own         *stack[task]
	descriptors *descriptorBudget
	listing     []byte
	header      []byte
	stat        syscall.Stat_t
	files       int64 // since the last addCounts
	bytes       int64
}

func (w *linuxWorker) work(t task) {
	switch {
	case t.file:
		(&portableWorker{Scan: w.Scan, buffer: w.header}).rootFile(t.folder)
	case t.listing != nil:
		w.entries(t.folder, t.listing)
		w.endListing(t.folder)
	default:
		w.folder(t.folder)
	}
	w.addCounts()
}

func (w *linuxWorker) addCounts() {
	w.counters.files.Add(w.files)
	w.counters.bytesRead.Add(w.bytes)
	w.files, w.bytes = 0, 0
}

// drop releases the descriptor that a remaining task holds, and flushes its folder.
func (w *linuxWorker) drop(t task) {
	switch {
	case t.listing != nil:
		w.endListing(t.folder)
	case t.folder.held:
		w.release(t.folder.parent)
	}
}

// release closes a folder's descriptor when this was its last holder.
func (w *linuxWorker) release(f *folder) {
	if f.holders.Add(-1) == 0 {
		closeFD(f.system.local, f.fd)
		w.descriptors.open.Add(-1)
	}
}

func (w *linuxWorker) folder(f *folder) {
	fd, err := openWithRetry(func() (int, error) { return asError(w.openFolder(f)) })
	if f.held {
		w.release(f.parent)
	}
	if err != nil {
		w.report(Problem{Path: f.path(), Kind: kindOf(err), Root: f.parent == nil, Err: err})
		return
	}
	w.descriptors.open.Add(1)
	f.fd = fd
	f.holders.Store(1)
	f.listers.Store(1)
	if w.enter(f) {
		w.counters.folders.Add(1)
		w.list(f)
	}
	w.endListing(f)
}

// asError keeps 0 from becoming an error that is not nil.
func asError(fd int, errno syscall.Errno) (int, error) {
	if errno != 0 {
		return -1, errno
	}
	return fd, nil
}

func (w *linuxWorker) openFolder(f *folder) (int, syscall.Errno) {
	if f.held {
		return openAt(f.parent.system.local, f.parent.fd, newCString(f.name), openFolderFlags|syscall.O_NOFOLLOW)
	}
	flags := openFolderFlags
	if f.parent != nil && !f.viaLink {
		flags |= syscall.O_NOFOLLOW
	}
	fd, errno := openAt(false, currentFolder, newCString(f.path()), flags)
	if errno == syscall.ENAMETOOLONG && f.parent != nil {
		return w.openStepwise(f, flags)
	}
	return fd, errno
}

// openStepwise opens a folder whose path is longer than the kernel takes.
func (w *linuxWorker) openStepwise(f *folder, flags int) (int, syscall.Errno) {
	parent, errno := w.openFolder(&folder{parent: f.parent.parent, name: f.parent.name, viaLink: f.parent.viaLink})
	if errno != 0 {
		return -1, errno
	}
	defer closeFD(false, parent)
	return openAt(false, parent, newCString(f.name), flags)
}

func (w *linuxWorker) enter(f *folder) bool {
	if err := syscall.Fstat(f.fd, &w.stat); err != nil {
		w.reportIn(f, "", err)
		return false
	}
	if !w.mayEnter(f, fileInfoFromStat(&w.stat), func() fileSystem { return fileSystemOfFD(f.fd) }) {
		return false
	}
	if w.config.Details {
		f.matches = &folderMatches{}
	}
	return true
}

// list reads the listing of a folder. Idle workers get parts of a long one.
func (w *linuxWorker) list(f *folder) {
	for part := 0; !w.own.pool.stopped.Load(); part++ {
		n, errno := getdents(f.system.local, f.fd, w.listing)
		if errno != 0 {
			w.reportIn(f, "", errno)
		}
		if n <= 0 || errno != 0 {
			return
		}
		if part > 0 && w.own.pool.wantsTasks.Load() {
			f.holders.Add(1)
			f.listers.Add(1)
			w.own.pool.share([]task{{folder: f, listing: bytes.Clone(w.listing[:n])}})
			continue
		}
		w.entries(f, w.listing[:n])
	}
}

// endListing is called once for each shared part of a listing, and once for the folder.
func (w *linuxWorker) endListing(f *folder) {
	if f.listers.Add(-1) == 0 {
		w.flush(f, w.own.pool.stopped.Load())
	}
	w.release(f)
}

func (w *linuxWorker) entries(f *folder, listing []byte) {
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

func (w *linuxWorker) entry(f *folder, entry dirent) {
	if f.matches != nil {
		f.matches.noteCompanion(entry.name)
	}
	kind := entry.kind
	if kind == syscall.DT_UNKNOWN {
		kind = w.statKind(f, entry.name, noFollow)
	}
	if kind != syscall.DT_REG && kind != syscall.DT_DIR && (kind != syscall.DT_LNK || !w.config.Follow) {
		return
	}
	if !w.isWanted(f, entry.name, kind == syscall.DT_DIR) {
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

// statKind returns the DT_ value of an entry whose listing has none, or of a link's target.
func (w *linuxWorker) statKind(f *folder, name string, flags int) byte {
	errno := statAt(f.system.local, f.fd, cString(name), &w.stat, flags)
	if errno != 0 {
		if flags == noFollow || kindOf(errno) != Vanished { // a link that leads nowhere is no error
			w.reportIn(f, name, errno)
		}
		return syscall.DT_UNKNOWN
	}
	return byte(w.stat.Mode & syscall.S_IFMT >> 12)
}

func (w *linuxWorker) subfolder(f *folder, name string) {
	if !w.mayDescend(f) {
		return
	}
	child := newChild(f, strings.Clone(name))
	if w.descriptors.open.Load() < w.descriptors.limit {
		child.held = true
		f.holders.Add(1)
	}
	w.own.push(task{folder: child})
}

func (w *linuxWorker) link(f *folder, name string) {
	switch w.statKind(f, name, 0) {
	case syscall.DT_REG:
		w.file(f, name, 0)
	case syscall.DT_DIR:
		if w.mayDescend(f) {
			child := newChild(f, strings.Clone(name))
			child.viaLink = true
			w.deferLink(child)
		}
	}
}

// file reads the start of one file. follow is O_NOFOLLOW or 0.
func (w *linuxWorker) file(f *folder, name string, follow int) {
	w.files++
	if w.config.Quick && !w.mayBeDatabase(f, name, follow) {
		return
	}
	fd, errno := openAt(f.system.local, f.fd, cString(name), openFileFlags|follow)
	if errno != 0 {
		fd, errno = w.reopen(f, name, follow, errno)
		if errno != 0 {
			w.reportIn(f, name, errno)
			return
		}
	}
	n, errno := w.read(f, fd)
	switch {
	case errno != 0:
		w.reportIn(f, name, errno)
	case isDatabase(w.header[:n]):
		w.bytes += int64(n)
		w.match(f, name, fd, w.header[:n])
	default:
		w.bytes += int64(n)
	}
	closeFD(f.system.local, fd)
}

// read reads the start of a file into the header, but nothing from a FIFO that has
// replaced it. On a file system without pread it uses read.
func (w *linuxWorker) read(f *folder, fd int) (int, syscall.Errno) {
	n, errno := pread(f.system.local, fd, w.header)
	if errno != syscall.ESPIPE {
		return n, errno
	}
	if err := syscall.Fstat(fd, &w.stat); err != nil || !fileInfoFromStat(&w.stat).regular {
		return 0, 0
	}
	return readFD(f.system.local, fd, w.header)
}

// reopen retries an open that failed for lack of file descriptors.
func (w *linuxWorker) reopen(f *folder, name string, follow int, errno syscall.Errno) (int, syscall.Errno) {
	if !isOutOfDescriptors(errno) {
		return -1, errno
	}
	fd, err := openWithRetry(func() (int, error) {
		return asError(openAt(f.system.local, f.fd, cString(name), openFileFlags|follow))
	})
	errno, _ = err.(syscall.Errno)
	return fd, errno
}

// mayBeDatabase reports whether a file has the size of a database, or an unknown one:
// opening it then returns the error.
func (w *linuxWorker) mayBeDatabase(f *folder, name string, follow int) bool {
	flags := 0
	if follow != 0 {
		flags = noFollow
	}
	errno := statAt(f.system.local, f.fd, cString(name), &w.stat, flags)
	return errno != 0 || sizeFits(w.stat.Size)
}

// match reports a database, unless the entry is not a regular file any more.
func (w *linuxWorker) match(f *folder, name string, fd int, header []byte) {
	if err := syscall.Fstat(fd, &w.stat); err != nil {
		w.reportIn(f, name, err)
		return
	}
	if found := fileInfoFromStat(&w.stat); found.regular {
		w.addMatch(f, name, found, header)
	}
}
