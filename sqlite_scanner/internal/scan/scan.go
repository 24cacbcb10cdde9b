// Package scan finds SQLite databases below folders by their first bytes.
//
// A Scan walks its roots with several workers. On Linux they call the kernel directly,
// elsewhere they use the standard library. The results are the same.
package scan

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"sync"
	"sync/atomic"
	"time"
)

// maxWorkers stays below the number of threads that Go allows.
const maxWorkers = 1024

// CheckSystem returns how many workers, at most wanted, the limits of this process
// allow, or an error when they allow no scan. Call it before anything that needs a
// timer or opens a file: see checkDescriptors.
func CheckSystem(wanted int) (workers int, err error) {
	if err := checkDescriptors(); err != nil {
		return 0, err
	}
	return checkThreads(wanted)
}

// NoLimit is the MaxDepth of a scan that goes all the way down.
const NoLimit = -1

// Config holds the options of a scan.
type Config struct {
	Roots         []string  // folders or files; links are followed
	Workers       int       // how many folders are read at once; 0 means DefaultWorkers, 1024 is the maximum
	MaxDepth      int       // 1 means the entries of the roots only; NoLimit
	Excludes      *Excludes // may be nil
	Details       bool      // read the whole header, list companions
	Quick         bool      // check a file's size first: most need not be opened
	Follow        bool      // follow symbolic links
	OneFileSystem bool      // stay on the file system of each root
	NoHidden      bool      // leave out entries whose name starts with a dot
	Recall        bool      // read cloud files, which fetches them
	Portable      bool      // use the standard library on Linux, too
}

// A Match is a database.
type Match struct {
	Path       string // absolute, the file system's own bytes
	Size       int64
	Modified   time.Time
	Device     uint64
	Inode      uint64
	Header     Header   // only with Details
	Companions []string // suffixes of the files beside it; only with Details
}

// A Kind classifies a problem.
type Kind string

// The kinds of problems.
const (
	Denied      Kind = "denied"      // no permission
	InUse       Kind = "in_use"      // locked by the program that uses it
	Vanished    Kind = "vanished"    // listed, but gone when opened
	Missing     Kind = "missing"     // a root that does not exist
	Handles     Kind = "handles"     // the process or the system has too few file descriptors
	Unsupported Kind = "unsupported" // a root that is neither folder nor regular file
	Placeholder Kind = "placeholder" // a cloud file that is not on this disk; not an error
	IO          Kind = "io"          // everything else
)

// A Problem is an entry that could not be looked at.
type Problem struct {
	Path string
	Kind Kind
	Root bool // the path is a root of the scan
	Err  error
}

// A Sink receives what a scan finds. Its methods must be safe for concurrent use.
type Sink interface {
	Match(Match)
	Problem(Problem)
}

// Stats counts what a scan has done so far.
type Stats struct {
	Files        int64 // regular files looked at
	Folders      int64 // folders listed
	Matches      int64
	BytesRead    int64 // from files
	Denied       int64
	InUse        int64
	Errors       int64 // problems, those of kind Denied and InUse too, placeholders not
	Placeholders int64
}

// Scan is one run over the roots of a Config.
type Scan struct {
	config   Config
	sink     Sink
	counters counters
	seen     seenFolders
	// roots holds the paths of the roots, true for those that are files; not
	// written to once the walk has begun.
	roots map[string]bool
	mu    sync.Mutex
	links []*folder // links to folders, for the next round; guarded by mu
}

type counters struct {
	files, folders, matches, bytesRead, denied, inUse, errors, placeholders atomic.Int64
}

// New prepares a scan.
func New(config Config, sink Sink) *Scan {
	if config.Workers <= 0 {
		config.Workers = DefaultWorkers()
	}
	config.Workers = min(config.Workers, maxWorkers)
	if config.Excludes != nil && len(config.Excludes.globs) == 0 {
		config.Excludes = nil
	}
	return &Scan{config: config, sink: sink, roots: map[string]bool{}}
}

// Stats returns the counts so far. It may be called while the scan runs.
func (s *Scan) Stats() Stats {
	c := &s.counters
	return Stats{
		Files: c.files.Load(), Folders: c.folders.Load(), Matches: c.matches.Load(), BytesRead: c.bytesRead.Load(),
		Denied: c.denied.Load(), InUse: c.inUse.Load(), Errors: c.errors.Load(), Placeholders: c.placeholders.Load(),
	}
}

// Run walks all roots and returns when it is done, or soon after ctx is. Call it once.
//
// Links to folders wait until all else has been walked, so that a folder which
// a link leads to is reported under its own path when that is in the scan.
func (s *Scan) Run(ctx context.Context) {
	prepareSystem(s.config)
	for round := s.openRoots(); len(round) > 0 && ctx.Err() == nil; round = s.takeLinks() {
		tasks := newPool[task](s.config.Workers)
		cancelStop := context.AfterFunc(ctx, tasks.stop)
		s.walk(tasks, round)
		cancelStop()
	}
}

func (s *Scan) takeLinks() []task {
	s.mu.Lock()
	defer s.mu.Unlock()
	var round []task
	for _, link := range s.links {
		round = append(round, task{folder: link})
	}
	s.links = nil
	sort.Slice(round, func(i, j int) bool { return round[i].folder.path() < round[j].folder.path() })
	return round
}

func (s *Scan) deferLink(link *folder) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.links = append(s.links, link)
}

// openRoots resolves the roots and returns the first tasks. It marks folders as seen
// right away: a root that is also below another is walked as a root.
func (s *Scan) openRoots() []task {
	var round []task
	for _, name := range s.config.Roots {
		path, found, err := resolveRoot(name)
		if _, known := s.roots[path]; known || isNestedDataVolume(path, s.config.Roots) {
			continue
		}
		s.roots[path] = found.regular
		switch {
		case err != nil:
			s.reportRoot(path, rootKind(err), err)
		case found.folder:
			if s.config.MaxDepth != 0 && s.seen.add(found.device, found.inode) {
				round = append(round, task{folder: newRoot(path, found)})
			}
		case !found.regular:
			s.reportRoot(path, Unsupported, errors.New("neither a folder nor a regular file"))
		case found.placeholder && !s.config.Recall:
			s.reportRoot(path, Placeholder, errPlaceholder)
		default:
			round = append(round, task{folder: newRoot(path, found), file: true})
		}
	}
	return round
}

func (s *Scan) reportRoot(path string, kind Kind, err error) {
	s.report(Problem{Path: path, Kind: kind, Root: true, Err: err})
}

// CurrentFolder returns the path of the current folder as a scan prints it: links
// resolved.
func CurrentFolder() (string, error) {
	here, err := os.Getwd()
	if err != nil {
		return "", noCurrentFolder(err)
	}
	return resolvePath(here)
}

// noCurrentFolder describes the error in a current folder that was removed.
func noCurrentFolder(err error) error {
	return fmt.Errorf("there is no current folder (%w); cd to another one", err)
}

// resolveRoot returns the absolute path of a root, links resolved and each name
// spelled as its folder lists it, and what lies there. The path is also right for
// messages when there is an error.
func resolveRoot(name string) (string, fileInfo, error) {
	path, err := filepath.Abs(name)
	if err != nil {
		return name, fileInfo{}, noCurrentFolder(err)
	}
	resolved, err := resolvePath(path)
	if err != nil {
		return path, fileInfo{}, err
	}
	found, err := statPath(resolved)
	return resolved, found, err
}

// report counts a problem and passes it to the sink, without the operation and path
// that the standard library adds to errors. It ignores an entry that is also a root:
// the root's own task reports that.
func (s *Scan) report(problem Problem) {
	if _, isRoot := s.roots[problem.Path]; isRoot && !problem.Root {
		return
	}
	if problem.Kind == notAFile {
		if !problem.Root {
			return
		}
		problem.Kind = Unsupported
	}
	var wrapped *fs.PathError
	if errors.As(problem.Err, &wrapped) {
		problem.Err = wrapped.Err
	}
	switch problem.Kind {
	case Placeholder:
		s.counters.placeholders.Add(1)
	case Denied:
		s.counters.denied.Add(1)
		s.counters.errors.Add(1)
	case InUse:
		s.counters.inUse.Add(1)
		s.counters.errors.Add(1)
	default:
		s.counters.errors.Add(1)
	}
	s.sink.Problem(problem)
}

// reportIn reports an error met in a folder, or with an empty name at the folder.
func (s *Scan) reportIn(parent *folder, name string, err error) {
	root := name == "" && parent.parent == nil
	s.report(Problem{Path: parent.join(name), Kind: kindOf(err), Root: root, Err: err})
}

// reportMatch reports a match in a folder, unless it is also a root, whose own task
// reports it.
func (s *Scan) reportMatch(match Match) {
	if !s.roots[match.Path] {
		s.reportRootMatch(match)
	}
}

func (s *Scan) reportRootMatch(match Match) {
	s.counters.matches.Add(1)
	s.sink.Match(match)
}

// isWanted reports whether an entry's name is neither hidden nor excluded.
func (s *Scan) isWanted(parent *folder, name string, isFolder bool) bool {
	if s.config.NoHidden && name[0] == '.' {
		return false
	}
	excludes := s.config.Excludes
	if excludes == nil {
		return true
	}
	var below, absolute string
	if excludes.needsPath {
		below, absolute = parent.relative(name)
	}
	return !excludes.excluded(name, below, absolute, isFolder)
}

// mayDescend reports whether a folder in parent is within MaxDepth.
func (s *Scan) mayDescend(parent *folder) bool {
	return s.config.MaxDepth == NoLimit || parent.depth+1 < s.config.MaxDepth
}

// mayEnter reports whether an opened folder is to be listed: not twice, not on another
// file system with OneFileSystem, and not on a pseudo file system such as /proc unless
// the scan began there.
func (s *Scan) mayEnter(f *folder, found fileInfo, system func() fileSystem) bool {
	f.device = found.device
	if f.parent == nil {
		f.system = system()
		return true
	}
	f.system = f.parent.system
	if found.device != f.parent.device {
		if s.config.OneFileSystem {
			return false
		}
		if f.system = system(); f.system.pseudo {
			return false
		}
	}
	return s.seen.add(found.device, found.inode)
}

// headerLength is how many bytes of each file are read.
func (c *Config) headerLength() int {
	if c.Details {
		return HeaderLength
	}
	return magicLength
}

// sizeFits reports whether a complete database can have this size.
func sizeFits(size int64) bool { return size >= 512 && size%512 == 0 }
