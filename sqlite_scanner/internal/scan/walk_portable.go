package scan

import (
	"errors"
	"io"
	"io/fs"
	"os"
)

// listBatch is how many entries of a folder are read at once.
const listBatch = 512

// walkPortable walks with the standard library alone.
func (s *Scan) walkPortable(tasks *pool[task], round []task) {
	tasks.run(round, func(own *stack[task]) func(task) {
		w := &portableWorker{Scan: s, own: own, buffer: make([]byte, s.config.headerLength())}
		return w.work
	}, func(task) {})
}

// portableWorker walks folders with the standard library alone.
type portableWorker struct {
	*Scan
	own    *stack[task]
	buffer []byte
}

func (w *portableWorker) work(t task) {
	if t.file {
		w.rootFile(t.folder)
		return
	}
	path := t.folder.path()
	follow := t.folder.parent == nil || t.folder.viaLink
	opened, err := openWithRetry(func() (*os.File, error) { return openFolder(path, follow) })
	if err != nil {
		w.report(Problem{Path: path, Kind: kindOf(err), Root: t.folder.parent == nil, Err: err})
		return
	}
	defer opened.Close()
	w.list(t.folder, opened)
}

func (w *portableWorker) list(f *folder, opened *os.File) {
	found, err := statOpened(opened)
	if err != nil {
		w.reportIn(f, "", err)
		return
	}
	if !w.mayEnter(f, found, func() fileSystem { return fileSystemOf(opened) }) {
		return
	}
	if found.placeholder && !w.config.Recall {
		w.report(Problem{Path: f.path(), Kind: Placeholder, Root: f.parent == nil, Err: errPlaceholder})
		return
	}
	if w.config.Details {
		f.matches = &folderMatches{}
	}
	w.counters.folders.Add(1)
	w.entries(f, opened)
	w.flush(f, w.own.pool.stopped.Load())
}

func (w *portableWorker) entries(f *folder, opened *os.File) {
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

// entryKind is the type of an entry in its folder's listing.
type entryKind int

const (
	otherEntry entryKind = iota // nothing that holds data
	fileEntry
	folderEntry
	linkEntry // also what Windows calls a junction
)

func (w *portableWorker) entry(f *folder, entry fs.DirEntry) {
	name := entry.Name()
	if f.matches != nil {
		f.matches.noteCompanion(name)
	}
	kind := entryKindOf(f, entry)
	if !w.isWanted(f, name, kind == folderEntry) || w.config.NoHidden && hiddenBySystem(entry) {
		return
	}
	switch {
	case kind == linkEntry:
		w.link(f, name)
	case kind == folderEntry && !w.mayDescend(f), kind == otherEntry:
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

// link follows a symbolic link. A broken one is not an error.
func (w *portableWorker) link(f *folder, name string) {
	if !w.config.Follow {
		return
	}
	found, err := statPath(f.join(name))
	switch {
	case err != nil && kindOf(err) == Vanished:
	case err != nil:
		w.reportIn(f, name, err)
	case found.regular:
		w.file(f, name, true, func() (fs.FileInfo, error) { return os.Stat(f.join(name)) })
	case found.folder && w.mayDescend(f):
		child := newChild(f, name)
		child.viaLink = true
		w.deferLink(child)
	}
}

func (w *portableWorker) file(f *folder, name string, follow bool, stat func() (fs.FileInfo, error)) {
	path := f.join(name)
	w.counters.files.Add(1)
	if w.config.Quick && !mayBeDatabase(stat) {
		return
	}
	found, data, err := w.readFile(path, follow)
	switch {
	case err != nil:
		w.reportIn(f, name, err)
	case found.placeholder && !w.config.Recall:
		w.report(Problem{Path: path, Kind: Placeholder, Err: errPlaceholder})
	case isDatabase(data):
		w.addMatch(f, name, found, data)
	}
}

// mayBeDatabase reports whether a file has the size of a database, or an unknown one:
// opening it then returns the error.
func mayBeDatabase(stat func() (fs.FileInfo, error)) bool {
	info, err := stat()
	return err != nil || sizeFits(info.Size())
}

// readFile reads the start of a file. The data are nil unless it is a regular file on
// this disk.
func (w *portableWorker) readFile(path string, follow bool) (fileInfo, []byte, error) {
	opened, err := openWithRetry(func() (*os.File, error) { return openFile(path, follow) })
	if err != nil {
		return fileInfo{}, nil, err
	}
	defer opened.Close()
	found, err := statOpened(opened)
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

// rootFile reads a file that is a root.
func (w *portableWorker) rootFile(root *folder) {
	w.counters.files.Add(1)
	found, data, err := w.readFile(root.name, true)
	switch {
	case err != nil:
		w.report(Problem{Path: root.name, Kind: rootKind(err), Root: true, Err: err})
	case isDatabase(data) && w.config.Details:
		w.reportRootMatch(newDetailed(root.name, found, data, findCompanions(root.name)))
	case isDatabase(data):
		w.reportRootMatch(newMatch(root.name, found))
	}
}

var errPlaceholder = errors.New("not on this disk; --recall fetches it")

// findCompanions looks up the companions of a file whose folder was not listed completely.
func findCompanions(path string) uint8 {
	var companionBits uint8
	for i, suffix := range companions {
		if _, err := os.Lstat(path + suffix); err == nil {
			companionBits |= 1 << i
		}
	}
	return companionBits
}

// isCloudPlaceholder reports whether a file's content is not on this disk. Tests replace it.
var isCloudPlaceholder = isPlaceholder

// statPath returns the metadata of a path. It follows links.
func statPath(path string) (fileInfo, error) {
	info, err := os.Stat(path)
	if err != nil {
		return fileInfo{}, err
	}
	found := newFileInfo(info)
	found.device, found.inode, err = identifyPath(path, info)
	return found, err
}

func statOpened(opened *os.File) (fileInfo, error) {
	info, err := opened.Stat()
	if err != nil {
		return fileInfo{}, err
	}
	found := newFileInfo(info)
	found.device, found.inode, err = identify(opened, info)
	return found, err
}

func newFileInfo(info fs.FileInfo) fileInfo {
	return fileInfo{
		folder:      info.IsDir(),
		regular:     isRegular(info),
		placeholder: isCloudPlaceholder(info),
		size:        info.Size(),
		modified:    info.ModTime(),
	}
}
