//go:build unix

package scan

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Another user, as which some tests run, enters the folders and runs the program.
func init() { syscall.Umask(0o022) }

// within fails the test when action takes too long, which here means for ever.
func within(t *testing.T, action func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		action()
	}()
	select {
	case <-done:
	case <-time.After(2 * time.Minute):
		t.Fatal("it blocks")
	}
}

func TestOnlyRegularFilesAreOpened(t *testing.T) {
	eachWalker(t, func(t *testing.T, config Config) {
		root := makeTree(t, tree{"x.db": database()})
		must(t, syscall.Mkfifo(filepath.Join(root, "fifo.db"), 0o644))
		short, err := os.MkdirTemp("", "s") // the path of a socket must be short
		must(t, err)
		defer os.RemoveAll(short)
		socket, err := net.Listen("unix", filepath.Join(short, "socket.db"))
		must(t, err)
		defer socket.Close()
		must(t, os.Rename(filepath.Join(short, "socket.db"), filepath.Join(root, "socket.db")))
		within(t, func() {
			stats := expect(t, config, root, "x.db")
			if stats.Files != 1 {
				t.Errorf("looked at %d files", stats.Files)
			}
		})
	})
}

// asFile makes a worker look at an entry as if it had been listed as a file.
func asFile(t *testing.T, config Config, root, name string) *collector {
	t.Helper()
	sink := &collector{}
	within(t, func() { lookAt(t, New(config, sink), root, name) })
	return sink
}

func portableLook(s *Scan, root, name string) {
	w := &portableWorker{Scan: s, buffer: make([]byte, s.config.headerLength())}
	f := &folder{name: root}
	w.file(f, name, false, func() (os.FileInfo, error) { return os.Lstat(f.join(name)) })
}

func TestSwappedForAFIFO(t *testing.T) {
	eachWalker(t, func(t *testing.T, config Config) {
		root := makeTree(t, nil)
		path := filepath.Join(root, "fifo")
		must(t, syscall.Mkfifo(path, 0o644))
		sink := asFile(t, config, root, "fifo")
		same(t, append(sink.paths(root), sink.kinds(root)...), nil)

		writer, err := os.OpenFile(path, os.O_RDWR, 0) // even one that says it is a database
		must(t, err)
		defer writer.Close()
		_, err = writer.WriteString(database())
		must(t, err)
		sink = asFile(t, config, root, "fifo")
		same(t, append(sink.paths(root), sink.kinds(root)...), nil)
		left := make([]byte, 1024)
		if n, err := writer.Read(left); n != len(database()) || err != nil {
			t.Errorf("%d bytes left in the FIFO, %v", n, err)
		}
		sink = asFile(t, config, root, "fifo") // a writer with nothing to say
		same(t, append(sink.paths(root), sink.kinds(root)...), nil)
	})
}

func TestVanishedOrSwapped(t *testing.T) {
	eachWalker(t, func(t *testing.T, config Config) {
		root := makeTree(t, tree{"x.db": database()})
		symlink(t, "x.db", filepath.Join(root, "link"))
		for _, config.Quick = range []bool{false, true} {
			for _, name := range []string{"gone", "link"} {
				sink := asFile(t, config, root, name)
				want := []string{name + " vanished"}
				if name == "link" && config.Quick {
					want = nil // its own size is not a database's
				}
				same(t, sink.paths(root), nil)
				same(t, sink.kinds(root), want)
			}
		}
	})
}

func TestKinds(t *testing.T) {
	for err, want := range map[error]Kind{
		syscall.EACCES: Denied, syscall.EPERM: Denied, syscall.ENOENT: Vanished, syscall.ENOTDIR: Vanished,
		syscall.ELOOP: Vanished, syscall.ENXIO: Vanished, syscall.EMFILE: Handles, syscall.ENFILE: Handles,
		syscall.EIO: IO, syscall.ESTALE: IO, syscall.ENAMETOOLONG: IO, errors.New("x"): IO,
	} {
		if got := kindOf(&os.PathError{Op: "open", Path: "x", Err: err}); got != want {
			t.Errorf("%v is %s, want %s", err, got, want)
		}
	}
}

func TestTooFewHandlesIsTriedAgain(t *testing.T) {
	tries := 0
	got, err := openWithRetry(func() (int, error) {
		if tries++; tries < 3 {
			return 0, &os.PathError{Err: syscall.EMFILE}
		}
		return 7, nil
	})
	if got != 7 || err != nil || tries != 3 {
		t.Errorf("got %d, %v after %d tries", got, err, tries)
	}
	tries = 0
	_, err = openWithRetry(func() (int, error) { tries++; return 0, syscall.EACCES })
	if err != syscall.EACCES || tries != 1 {
		t.Errorf("%v after %d tries", err, tries)
	}
}

// asNobody runs one test of this binary again, as a user without privileges
// when we are root, in a folder that everybody may enter.
func asNobody(t *testing.T, name string) {
	t.Helper()
	folder, err := os.MkdirTemp("", "nobody")
	must(t, err)
	defer os.RemoveAll(folder)
	must(t, os.Chmod(folder, 0o777))
	program := filepath.Join(folder, "tests")
	data, err := os.ReadFile(os.Args[0])
	must(t, err)
	must(t, os.WriteFile(program, data, 0o755))
	child := exec.Command(program, "-test.run", "^"+name+"$", "-test.v")
	child.Dir = folder
	child.Env = append(os.Environ(), "AS_NOBODY=1", "TMPDIR="+folder)
	if os.Getuid() == 0 {
		child.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	out, err := child.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+name) {
		t.Errorf("as another user: %v\n%s", err, out)
	}
}

func isNobody() bool { return os.Getenv("AS_NOBODY") != "" }

func TestPermissionDenied(t *testing.T) {
	if !isNobody() {
		asNobody(t, "TestPermissionDenied")
		return
	}
	eachWalker(t, func(t *testing.T, config Config) {
		root := makeTree(t, tree{"a/x.db": database(), "secret/y.db": database(), "z.db": database()})
		must(t, os.Chmod(filepath.Join(root, "secret"), 0))
		must(t, os.Chmod(filepath.Join(root, "z.db"), 0))
		defer os.Chmod(filepath.Join(root, "secret"), 0o755)
		config.Roots = []string{root}
		found, stats := runScan(config)
		same(t, found.paths(root), []string{"a/x.db"})
		same(t, found.kinds(root), []string{"secret denied", "z.db denied"})
		if stats.Denied != 2 || stats.Errors != 2 || found.problems[0].Err != syscall.EACCES {
			t.Errorf("%+v, %v", stats, found.problems[0].Err)
		}
		config.Roots = []string{root, filepath.Join(root, "secret"), filepath.Join(root, "z.db"), filepath.Join(root, "z.db")}
		found, _ = runScan(config)
		same(t, found.kinds(root), []string{"secret denied", "z.db denied"}) // each once
		outside := makeTree(t, tree{"in/o.db": database()})
		symlink(t, filepath.Join(outside, "in", "o.db"), filepath.Join(root, "link"))
		must(t, os.Chmod(outside, 0))
		defer os.Chmod(outside, 0o755)
		config.Roots, config.Follow = []string{root}, true
		found, _ = runScan(config)
		same(t, found.kinds(root), []string{"link denied", "secret denied", "z.db denied"})
		config.Roots = []string{filepath.Join(root, "secret")}
		found, _ = runScan(config)
		if len(found.problems) != 1 || !found.problems[0].Root || found.problems[0].Kind != Denied {
			t.Errorf("%+v", found.problems)
		}
	})
}

// Access times cannot be left alone in files of others: they are read anyway.
func TestFilesOfOthers(t *testing.T) {
	if isNobody() {
		shared := os.Getenv("SHARED")
		eachWalker(t, func(t *testing.T, config Config) { expect(t, config, shared, "sub/x.db") })
		return
	}
	root := makeTree(t, tree{"sub/x.db": database()})
	must(t, os.Chmod(root, 0o755))
	t.Setenv("SHARED", root)
	asNobody(t, "TestFilesOfOthers")
}
