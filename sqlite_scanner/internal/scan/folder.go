package scan

import (
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A task is one piece of work: a folder to list, a file named as a root, or a
// part of the listing of a folder (Linux only).
type task struct {
	folder  *folder
	file    bool
	listing []byte
}

// facts is what the scan needs to know of an entry.
type facts struct {
	folder, regular bool
	placeholder     bool
	size            int64
	modified        time.Time
	device, inode   uint64
}

// fileSystem is what the scan needs to know of the file system of a folder.
type fileSystem struct {
	pseudo bool // made up by the kernel: /proc, /sys …
	local  bool // known to answer at once, or when its disk does
}

// folder is a folder to be listed, being listed, or with children to be.
type folder struct {
	parent   *folder // nil for a root
	name     string  // absolute path for a root
	depth    int     // 0 for a root
	viaLink  bool    // named by a symbolic link that is to be followed
	device   uint64
	system   fileSystem
	gathered *gathering // only with Details

	// For Linux only:
	handle  int          // the open folder
	holders atomic.Int32 // how many still need handle
	listers atomic.Int32 // how many are at a part of its listing
	held    bool         // this folder is one of its parent's holders
}

func newRoot(path string, found facts) *folder {
	return &folder{name: path, device: found.device}
}

func newChild(parent *folder, name string) *folder {
	return &folder{parent: parent, name: name, depth: parent.depth + 1}
}

// path builds the absolute path.
func (f *folder) path() string {
	if f.parent == nil {
		return f.name
	}
	return string(f.appendPath(make([]byte, 0, 256)))
}

func (f *folder) appendPath(path []byte) []byte {
	if f.parent == nil {
		return append(path, f.name...)
	}
	return appendName(f.parent.appendPath(path), f.name)
}

// join builds the absolute path of an entry. An empty name means the folder.
func (f *folder) join(name string) string {
	path := f.appendPath(make([]byte, 0, 256))
	if name != "" {
		path = appendName(path, name)
	}
	return string(path)
}

func appendName(path []byte, name string) []byte {
	if path[len(path)-1] != filepath.Separator {
		path = append(path, filepath.Separator)
	}
	return append(path, name...)
}

// relative returns the path of an entry below its root, and its absolute path
// without the slash (on Windows \\ or \\?\) in front; both with slashes.
func (f *folder) relative(name string) (below, absolute string) {
	root := f
	for root.parent != nil {
		root = root.parent
	}
	whole := filepath.ToSlash(f.join(name))
	below = strings.TrimPrefix(whole[len(root.name):], "/")
	return below, strings.TrimPrefix(rootedDrive(whole), "/")
}

// seenFolders remembers the folders that were entered, so that none is walked
// twice, whatever leads there: roots inside one another, links, bind mounts.
type seenFolders struct {
	parts [64]struct {
		mu  sync.Mutex
		set map[[2]uint64]struct{}
	}
}

// add reports whether the folder is new. Systems that give no inode numbers
// (inode 0) get no protection.
func (s *seenFolders) add(device, inode uint64) bool {
	if inode == 0 {
		return true
	}
	part := &s.parts[inode%uint64(len(s.parts))]
	part.mu.Lock()
	defer part.mu.Unlock()
	key := [2]uint64{device, inode}
	if _, seen := part.set[key]; seen {
		return false
	}
	if part.set == nil {
		part.set = map[[2]uint64]struct{}{}
	}
	part.set[key] = struct{}{}
	return true
}

// companions are the files that SQLite keeps beside a database.
var companions = [...]string{"-wal", "-shm", "-journal"}

// gathering collects the databases of one folder until its listing is
// complete: only then is it known what lies beside each.
type gathering struct {
	mu     sync.Mutex
	found  []foundFile
	beside map[string]uint8 // name of a possible database → its companions, a bit each
}

type foundFile struct {
	name   string
	facts  facts
	header [HeaderLength]byte
	length int
}

// companionOf splits the name of a companion; bit is 0 for other names.
func companionOf(name string) (database string, bit uint8) {
	for i, suffix := range companions {
		if len(name) > len(suffix) && strings.HasSuffix(name, suffix) {
			return name[:len(name)-len(suffix)], 1 << i
		}
	}
	return "", 0
}

// note remembers an entry if it is a companion. The name is copied.
func (g *gathering) note(name string) {
	database, bit := companionOf(name)
	if bit == 0 {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.beside == nil {
		g.beside = map[string]uint8{}
	}
	g.beside[strings.Clone(database)] |= bit
}

func (g *gathering) add(name string, found facts, data []byte) {
	file := foundFile{name: strings.Clone(name), facts: found}
	file.length = copy(file.header[:], data)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.found = append(g.found, file)
}

// flush passes on what was gathered; to be called when the listing is done, or
// was cut short by a stop: companions are then looked for one by one.
func (s *Scan) flush(f *folder, cut bool) {
	if f.gathered == nil {
		return
	}
	for i := range f.gathered.found {
		file := &f.gathered.found[i]
		path, beside := f.join(file.name), f.gathered.beside[file.name]
		if cut {
			beside = lookBeside(path)
		}
		s.found(newDetailed(path, file.facts, file.header[:file.length], beside))
	}
	f.gathered = nil
}

func newMatch(path string, found facts) Match {
	return Match{Path: path, Size: found.size, Modified: found.modified, Device: found.device, Inode: found.inode}
}

func newDetailed(path string, found facts, header []byte, beside uint8) Match {
	match := newMatch(path, found)
	match.Companions = []string{}
	for i, suffix := range companions {
		if beside&(1<<i) != 0 {
			match.Companions = append(match.Companions, suffix)
		}
	}
	inFlight := beside&(1<<0|1<<2) != 0 // a WAL or a journal
	match.Header = parseHeader(header, found.size, inFlight)
	return match
}

// emit passes a database on, now or when its folder's listing is complete.
func (s *Scan) emit(f *folder, name string, found facts, header []byte) {
	if f.gathered != nil {
		f.gathered.add(name, found, header)
		return
	}
	s.found(newMatch(f.join(name), found))
}
