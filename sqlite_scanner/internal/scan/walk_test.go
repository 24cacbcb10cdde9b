package scan

import (
	"context"
	"fmt"
	"io/fs"
	"math/rand"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestFirstBytesDecide(t *testing.T) {
	eachWalker(t, func(t *testing.T, config Config) {
		root := makeTree(t, tree{
			"a.db": database(), "deep/er/than/that/History": database(), "no extension": database(),
			"magic-only": magic, "empty": "", "cut": magic[:15], "late": "\n" + database(),
			"text.db": "SQLite format 3 is what this is about\n", "empty folder/": "",
		})
		stats := expect(t, config, root, "a.db", "deep/er/than/that/History", "no extension", "magic-only")
		want := Stats{Files: 8, Folders: 6, Matches: 4, BytesRead: 6*16 + 15}
		if stats != want {
			t.Errorf("got  %+v\nwant %+v", stats, want)
		}
	})
}

func TestMatchFacts(t *testing.T) {
	eachWalker(t, func(t *testing.T, config Config) {
		root := makeTree(t, tree{"a.db": database()})
		when := time.Unix(1700000000, 123456700)
		must(t, os.Chtimes(filepath.Join(root, "a.db"), when, when))
		config.Roots = []string{root}
		found, _ := runScan(config)
		match := found.matches[0]
		if match.Size != 512 || !match.Modified.Equal(when) || match.Inode == 0 {
			t.Errorf("got %+v", match)
		}
	})
}

func TestQuickAsksForTheSize(t *testing.T) {
	eachWalker(t, func(t *testing.T, config Config) {
		root := makeTree(t, tree{
			"whole.db": database(), "truncated.db": database()[:300], "odd.db": database() + "x", "plain": strings.Repeat("x", 1024),
		})
		config.Quick = true
		stats := expect(t, config, root, "whole.db")
		if stats.BytesRead != 2*16 || stats.Files != 4 {
			t.Errorf("read %d bytes of %d files", stats.BytesRead, stats.Files)
		}
	})
}

func TestOddNames(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux file systems take any bytes as a name")
	}
	eachWalker(t, func(t *testing.T, config Config) {
		names := []string{"new\nline", "tab\t\x1b[31m", "latin1-\xe9", "bad-\xff\xfe", " ", "-", "...", `quote"back\`, strings.Repeat("n", 255)}
		content := tree{}
		for _, name := range names {
			content[name] = database()
		}
		expect(t, config, makeTree(t, content), names...)
	})
}

func TestRoots(t *testing.T) {
	eachWalker(t, func(t *testing.T, config Config) {
		root := makeTree(t, tree{"a/x.db": database(), "a/b/y.db": database(), "c/z.db": database(), "plain": "x"})
		in := func(names ...string) []string {
			for i := range names {
				names[i] = filepath.Join(root, names[i])
			}
			return names
		}
		for name, c := range map[string]struct{ roots, want []string }{
			"inside one another": {in("a", "a/b", "a"), []string{"a/x.db", "a/b/y.db"}},
			"the inner first":    {in("a/b", "a"), []string{"a/x.db", "a/b/y.db"}},
			"a file":             {in("a/x.db", "a/x.db", "plain"), []string{"a/x.db"}},
			"a file and around":  {in("a/x.db", "a"), []string{"a/b/y.db", "a/x.db"}},
		} {
			t.Run(name, func(t *testing.T) {
				config.Roots = c.roots
				expect(t, config, root, c.want...)
			})
		}
	})
}

func TestRootThatIsALink(t *testing.T) {
	eachWalker(t, func(t *testing.T, config Config) {
		root := makeTree(t, tree{"c/z.db": database()})
		link := filepath.Join(root, "link")
		symlink(t, "c", link)
		for _, config.Roots = range [][]string{{link}, {link, filepath.Join(root, "c")}} {
			expect(t, config, root, "c/z.db")
		}
	})
}

func TestRelativeRoot(t *testing.T) {
	eachWalker(t, func(t *testing.T, config Config) {
		root := makeTree(t, tree{"sub/x.db": database()})
		before, err := os.Getwd()
		must(t, err)
		must(t, os.Chdir(root))
		defer os.Chdir(before)
		config.Roots = []string{"./sub/../sub"}
		expect(t, config, root, "sub/x.db")
	})
}

func TestRootsThatCannotBe(t *testing.T) {
	eachWalker(t, func(t *testing.T, config Config) {
		root := makeTree(t, tree{"x.db": database()})
		config.Roots = []string{filepath.Join(root, "none"), root, filepath.Join(root, "x.db", "y")}
		if runtime.GOOS != "windows" {
			config.Roots = append(config.Roots, os.DevNull)
		}
		found, stats := runScan(config)
		same(t, found.paths(root), []string{"x.db"})
		want := []string{"none missing", "x.db/y missing"}
		if runtime.GOOS != "windows" {
			want = []string{"dev/null unsupported", "none missing", "x.db/y missing"}
		}
		same(t, found.kinds(root), want)
		for _, problem := range found.problems {
			if !problem.Root {
				t.Errorf("%s is not marked as a root", problem.Path)
			}
		}
		if stats.Errors != int64(len(want)) {
			t.Errorf("%d errors", stats.Errors)
		}
	})
}

func TestAnyNumberOfWorkers(t *testing.T) {
	eachWalker(t, func(t *testing.T, config Config) {
		root := makeTree(t, tree{"x.db": database()})
		for _, config.Workers = range []int{0, 1, 3, 1 << 20} {
			expect(t, config, root, "x.db")
		}
	})
}

func TestMaxDepth(t *testing.T) {
	eachWalker(t, func(t *testing.T, config Config) {
		root := makeTree(t, tree{"0.db": database(), "a/1.db": database(), "a/b/2.db": database()})
		all := []string{"0.db", "a/1.db", "a/b/2.db"}
		for depth := 0; depth < 5; depth++ {
			config.MaxDepth = depth
			expect(t, config, root, all[:min(depth, 3)]...)
		}
	})
}

func TestNoHidden(t *testing.T) {
	eachWalker(t, func(t *testing.T, config Config) {
		root := makeTree(t, tree{".x.db": database(), ".config/y.db": database(), "z.db": database()})
		expect(t, config, root, ".x.db", ".config/y.db", "z.db")
		config.NoHidden = true
		expect(t, config, root, "z.db")
	})
}

func TestLinks(t *testing.T) {
	eachWalker(t, func(t *testing.T, config Config) {
		outside := makeTree(t, tree{"o.db": database(), "more/p.db": database()})
		root := makeTree(t, tree{"z/real.db": database()})
		for link, target := range map[string]string{
			"z/loop": "..", "z/self": "self", "nowhere": "none", "a-folder": "z", "file.db": "z/real.db", "out": outside,
			"null": os.DevNull,
		} {
			symlink(t, target, filepath.Join(root, link))
		}
		expect(t, config, root, "z/real.db")
		config.Follow = true
		stats := expect(t, config, root, "z/real.db", "file.db", "out/o.db", "out/more/p.db")
		if stats.Folders != 4 {
			t.Errorf("listed %d folders", stats.Folders)
		}
	})
}

func TestFollowKeepsToDepthAndExcludes(t *testing.T) {
	eachWalker(t, func(t *testing.T, config Config) {
		outside := makeTree(t, tree{"o.db": database(), "more/p.db": database(), "skip.db": database()})
		root := makeTree(t, tree{"x/": ""})
		symlink(t, outside, filepath.Join(root, "out"))
		config.Follow, config.MaxDepth, config.Excludes = true, 2, globs(t, "skip*")
		expect(t, config, root, "out/o.db")
	})
}

func TestHardLinksAreEachAMatch(t *testing.T) {
	eachWalker(t, func(t *testing.T, config Config) {
		root := makeTree(t, tree{"a.db": database()})
		must(t, os.Link(filepath.Join(root, "a.db"), filepath.Join(root, "b.db")))
		expect(t, config, root, "a.db", "b.db")
	})
}

func TestCompanions(t *testing.T) {
	eachWalker(t, func(t *testing.T, config Config) {
		root := makeTree(t, tree{
			"a.db": database(), "a.db-wal": "w", "a.db-shm": "s", "b.db": database(), "b.db-journal": "", "c.db": database(),
			"-wal": database(), "sub/c.db-wal": "elsewhere",
		})
		config.Roots, config.Details, config.Excludes = []string{root}, true, globs(t, "*-shm")
		found, _ := runScan(config)
		got := map[string]string{}
		for _, match := range found.matches {
			got[filepath.Base(match.Path)] = strings.Join(match.Companions, " ")
			if !match.Header.Valid || match.Companions == nil {
				t.Errorf("%+v", match)
			}
		}
		want := map[string]string{"a.db": "-wal -shm", "b.db": "-journal", "c.db": "", "-wal": ""}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("got  %v\nwant %v", got, want)
		}
		config.Roots = []string{filepath.Join(root, "a.db")}
		found, _ = runScan(config)
		same(t, found.matches[0].Companions, []string{"-wal", "-shm"})
	})
}

// A wide folder is where workers share one listing.
func TestWideFolder(t *testing.T) {
	files := 6000
	if runtime.GOOS == "windows" {
		files = 700 // making them takes most of the time there
	}
	root := makeTree(t, tree{"0": database(), "0-wal": ""})
	want := []string{"0"}
	for i := 1; i < files; i++ {
		name := fmt.Sprintf("%d-%s", i, strings.Repeat("long name ", 5)+"x")
		must(t, os.Link(filepath.Join(root, "0"), filepath.Join(root, name)))
		want = append(want, name)
	}
	slices.Sort(want)
	eachWalker(t, func(t *testing.T, config Config) {
		config.Roots = []string{root}
		for _, config.Details = range []bool{false, true} {
			found, stats := runScan(config)
			same(t, found.paths(root), want)
			if stats.Files != int64(files)+1 || stats.Folders != 1 {
				t.Errorf("%+v", stats)
			}
		}
	})
}

func TestPlaceholdersAreNotRead(t *testing.T) {
	defer func(before func(fs.FileInfo) bool) { isCloudPlaceholder = before }(isCloudPlaceholder)
	isCloudPlaceholder = func(info fs.FileInfo) bool { return strings.HasPrefix(info.Name(), "cloud") }
	root := makeTree(t, tree{"cloud.db": database(), "here.db": database(), "cloud/x.db": database()})
	config := Config{MaxDepth: NoLimit, Portable: true, Roots: []string{root, filepath.Join(root, "cloud.db")}}
	found, stats := runScan(config)
	same(t, found.paths(root), []string{"here.db"})
	same(t, found.kinds(root), []string{"cloud placeholder", "cloud.db placeholder"})
	if stats.Errors != 0 || stats.Placeholders != 2 || stats.BytesRead != 16 {
		t.Errorf("%+v", stats)
	}
	config.Recall = true
	config.Roots = []string{root}
	expect(t, config, root, "cloud.db", "here.db", "cloud/x.db")
}

func TestPlaceholderMarks(t *testing.T) {
	for attributes, want := range map[uint32]bool{0x20: false, 0x1000: true, 0x40000: true, 0x400000: true, 0x420: false} {
		if windowsPlaceholder(attributes) != want {
			t.Errorf("attributes %#x: want %v", attributes, want)
		}
	}
	for flags, want := range map[uint32]bool{0: false, 0x40000000: true, 0x40000020: true, 0x8000: false} {
		if macPlaceholder(flags) != want {
			t.Errorf("flags %#x: want %v", flags, want)
		}
	}
}

func TestStopsAtOnce(t *testing.T) {
	eachWalker(t, func(t *testing.T, config Config) {
		content := tree{}
		for i := 0; i < 300; i++ {
			content[fmt.Sprintf("%d/%d/x.db", i%7, i)] = database()
		}
		ctx, cancel := context.WithCancel(context.Background())
		config.Roots, config.Workers = []string{makeTree(t, content)}, 3
		sink := &cancelling{cancel: cancel}
		New(config, sink).Run(ctx)
		if len(sink.matches) == 0 || len(sink.matches) > 100 {
			t.Errorf("%d matches after a stop at the first", len(sink.matches))
		}
	})
}

// With Details databases wait for the end of their folder's listing; those seen
// before a stop are reported all the same, companions included.
func TestWhatWasSeenBeforeAStopIsReported(t *testing.T) {
	content := tree{}
	files := 1000
	if runtime.GOOS == "windows" {
		files = 200
	}
	for i := 0; i < files; i++ {
		content[fmt.Sprintf("%04d-%s", i, strings.Repeat("n", 200))] = database()
		content[fmt.Sprintf("%04d-%s-wal", i, strings.Repeat("n", 200))] = ""
	}
	root := makeTree(t, content)
	eachWalker(t, func(t *testing.T, config Config) {
		config.Roots, config.Details, config.Workers = []string{root}, true, 2
		ctx, cancel := context.WithCancel(context.Background())
		sink := &collector{}
		s := New(config, sink)
		read := &s.counters.bytesRead
		go func() {
			for read.Load() == 0 {
				time.Sleep(time.Millisecond)
			}
			cancel()
		}()
		s.Run(ctx)
		if want := read.Load() / HeaderLength; int64(len(sink.matches)) != want {
			t.Errorf("%d of %d databases reported", len(sink.matches), want)
		}
		for _, match := range sink.matches {
			if !slices.Equal(match.Companions, []string{"-wal"}) {
				t.Fatalf("%s: %v", match.Path, match.Companions)
			}
		}
	})
}

// cancelling stops the scan at its first match.
type cancelling struct {
	collector
	cancel func()
}

func (c *cancelling) Match(m Match) {
	c.cancel()
	time.Sleep(20 * time.Millisecond) // let the pool hear of it
	c.collector.Match(m)
}

// reference finds the same as a scan, with the standard library's walk.
func reference(root string, config Config) []string {
	var found []string
	filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		below, _ := filepath.Rel(root, path)
		depth := strings.Count(below, string(filepath.Separator)) + 1
		switch {
		case config.NoHidden && strings.HasPrefix(entry.Name(), "."), config.MaxDepth != NoLimit && depth > config.MaxDepth:
			if entry.IsDir() {
				return filepath.SkipDir
			}
		case entry.Type().IsRegular():
			data, _ := os.ReadFile(path)
			if strings.HasPrefix(string(data), magic) && (!config.Quick || len(data) >= 512 && len(data)%512 == 0) {
				found = append(found, filepath.ToSlash(below))
			}
		}
		return nil
	})
	slices.Sort(found)
	return found
}

func TestRandomTrees(t *testing.T) {
	contents := []string{"", "x", magic, magic[:15], database(), database()[:200], strings.Repeat(database(), 4), database() + "y"}
	seeds := int64(25)
	if runtime.GOOS == "windows" {
		seeds = 5 // making trees takes most of the time there
	}
	for seed := int64(0); seed < seeds; seed++ {
		rnd := rand.New(rand.NewSource(seed))
		content := tree{}
		for i := rnd.Intn(120); i > 0; i-- {
			path := fmt.Sprint("f", rnd.Intn(60))
			for depth := rnd.Intn(6); depth > 0; depth-- {
				path = []string{"a", "b", ".c", "d e"}[rnd.Intn(4)] + "/" + path
			}
			content[path] = contents[rnd.Intn(len(contents))]
		}
		root := makeTree(t, content)
		eachWalker(t, func(t *testing.T, config Config) {
			config.NoHidden, config.Quick, config.Details = rnd.Intn(2) == 0, rnd.Intn(2) == 0, rnd.Intn(2) == 0
			config.Workers, config.MaxDepth = 1+rnd.Intn(9), rnd.Intn(7)-1
			expect(t, config, root, reference(root, config)...)
		})
	}
}

func TestPoolGivesEachTaskOnce(t *testing.T) {
	for _, workers := range []int{1, 2, 7, 32} {
		done := &collector{}
		p := newPool[int](workers)
		p.run([]int{9, 10}, func(own *stack[int]) func(int) {
			return func(n int) {
				done.Match(Match{Size: int64(n)})
				for i := 0; i < n; i++ {
					own.push(i)
				}
			}
		}, func(int) { t.Error("a task was left over") })
		if want := 1<<9 + 1<<10; len(done.matches) != want {
			t.Errorf("%d workers did %d tasks of %d", workers, len(done.matches), want)
		}
	}
}
