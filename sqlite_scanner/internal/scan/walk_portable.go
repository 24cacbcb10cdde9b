package scan

import (
	"errors"
	"io"
	"io/fs"
	"os"
)

// listBatch is how many entries of a folder are held at once.
const listBatch = 512

// walkPortable walks with the standard library alone.
func (s *Scan) walkPortable(tasks *pool[task], round []task) {
	tasks.run(round, func(_ int, own *stack[task]) func(task) {
		w := &portable{Scan: s, own: own, buffer: make([]byte, s.config.headerLength())}
		return w.work
	}, func(task) {})
}

// portable is one worker.
type portable struct {
	*Scan
	own    *stack[task]
	buffer []byte
}

func (w *portable) work(t task) {
	if t.file {
		w.rootFile(t.folder)
		return
	}
	path := t.folder.path()
	follow := t.folder.parent == nil || t.folder.viaLink
	opened, err := withHandle(func() (*os.File, error) { return openFolder(path, follow) })
	if err != nil {
		w.report(Problem{Path: path, Kind: kindOf(err), Root: t.folder.parent == nil, Err: err})
		return
	}
	defer opened.Close()
	w.list(t.folder, opened)
}

func (w *portable) list(f *folder, opened *os.File) {
	found, err := factsOf(opened)
	if err != nil {
		w.reportIn(f, "", err)
		return
	}
	if !w.enters(f, found, func() fileSystem { return systemOf(opened) }) {
		return
	}
	if found.placeholder && !w.config.Recall {
		w.report(Problem{Path: f.path(), Kind: Placeholder, Root: f.parent == nil, Err: errPlaceholder})
		return
	}
	if w.config.Details {
		f.gathered = &gathering{}
	}
	w.counters.folders.Add(1)
	w.entries(f, opened)
	w.flush(f, w.own.pool.stopped.Load())
}

func (w *portable) entries(f *folder, opened *os.File) {
	for !w.own.pool.stopped.Load() {
		batch, err := opened.ReadDir(listBatch)
		for _, entry := range batch {
			w.entry(f, entry)
		}
		if err != nil {
			if !errors.Is(err, io.EOF) {
				w.reportIn(f, "", err)
			}
			return
		}
	}
}

// entryKind is what an entry is, going by its folder's listing.
type entryKind int

const (
	otherEntry entryKind = iota // nothing that holds data
	fileEntry
	folderEntry
	linkEntry // also what Windows calls a junction
)

func (w *portable) entry(f *folder, entry fs.DirEntry) {
	name := entry.Name()
	if f.gathered != nil {
		f.gathered.note(name)
	}
	kind := entryKindOf(f, entry)
	if !w.wants(f, name, kind == folderEntry) || w.config.NoHidden && hiddenBySystem(entry) {
		return
	}
	switch {
	case kind == linkEntry:
		w.link(f, name)
	case kind == folderEntry && !w.descends(f), kind == otherEntry:
	case placeholderEntry(entry) && !w.config.Recall:
		w.report(Problem{Path: f.join(name), Kind: Placeholder, Err: errPlaceholder})
	case kind == folderEntry:
		if child := newChild(f, name); !isDataVolume(child) {
			w.own.push(task{folder: child})
		}
	default:
		w.file(f, name, false, entry.Info)
	}
}

// link follows a symbolic link. One that leads nowhere is no error, one that
// cannot be followed is.
func (w *portable) link(f *folder, name string) {
	if !w.config.Follow {
		return
	}
	found, err := readFacts(f.join(name))
	switch {
	case err != nil && kindOf(err) == Vanished:
	case err != nil:
		w.reportIn(f, name, err)
	case found.regular:
		w.file(f, name, true, func() (fs.FileInfo, error) { return os.Stat(f.join(name)) })
	case found.folder && w.descends(f):
		child := newChild(f, name)
		child.viaLink = true
		w.deferLink(child)
	}
}

func (w *portable) file(f *folder, name string, follow bool, ask func() (fs.FileInfo, error)) {
	path := f.join(name)
	w.counters.files.Add(1)
	if w.config.Quick && !quickFits(ask) {
		return
	}
	found, data, err := w.readFile(path, follow)
	switch {
	case err != nil:
		w.reportIn(f, name, err)
	case found.placeholder && !w.config.Recall:
		w.report(Problem{Path: path, Kind: Placeholder, Err: errPlaceholder})
	case isDatabase(data):
		w.emit(f, name, found, data)
	}
}

// quickFits says whether a file has the size of a database. One whose size
// cannot be asked is left to open, which finds out why.
func quickFits(ask func() (fs.FileInfo, error)) bool {
	info, err := ask()
	return err != nil || sizeFits(info.Size())
}

// readFile reads the front of a file. The data are none for what is not a
// regular file, or is one that would have to be fetched.
func (w *portable) readFile(path string, follow bool) (facts, []byte, error) {
	opened, err := withHandle(func() (*os.File, error) { return openFile(path, follow) })
	if err != nil {
		return facts{}, nil, err
	}
	defer opened.Close()
	found, err := factsOf(opened)
	if err != nil || !found.regular || found.placeholder && !w.config.Recall {
		return found, nil, err
	}
	n, err := io.ReadFull(opened, w.buffer)
	w.counters.bytesRead.Add(int64(n))
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return found, w.buffer[:n], err
}

// rootFile looks at a file that was named as a root.
func (w *portable) rootFile(root *folder) {
	w.counters.files.Add(1)
	found, data, err := w.readFile(root.name, true)
	switch {
	case err != nil:
		w.report(Problem{Path: root.name, Kind: rootKind(err), Root: true, Err: err})
	case isDatabase(data) && w.config.Details:
		w.foundRoot(newDetailed(root.name, found, data, lookBeside(root.name)))
	case isDatabase(data):
		w.foundRoot(newMatch(root.name, found))
	}
}

var errPlaceholder = errors.New("not on this disk; --recall fetches it")

// lookBeside looks for the companions of a file whose folder is not listed, or
// not to its end.
func lookBeside(path string) uint8 {
	var beside uint8
	for i, suffix := range companions {
		if _, err := os.Lstat(path + suffix); err == nil {
			beside |= 1 << i
		}
	}
	return beside
}

// cloudOnly picks the files whose content is not on this disk. Tests replace it.
var cloudOnly = isPlaceholder

// readFacts follows links.
func readFacts(path string) (facts, error) {
	info, err := os.Stat(path)
	if err != nil {
		return facts{}, err
	}
	found := describe(info)
	found.device, found.inode, err = identifyPath(path, info)
	return found, err
}

func factsOf(opened *os.File) (facts, error) {
	info, err := opened.Stat()
	if err != nil {
		return facts{}, err
	}
	found := describe(info)
	found.device, found.inode, err = identify(opened, info)
	return found, err
}

func describe(info fs.FileInfo) facts {
	return facts{
		folder:      info.IsDir(),
		regular:     isRegular(info),
		placeholder: cloudOnly(info),
		size:        info.Size(),
		modified:    info.ModTime(),
	}
}
