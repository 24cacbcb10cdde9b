package scan

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPlanThreads(t *testing.T) {
	for _, c := range []struct{ wanted, free, want int }{
		{16, 4096, 16}, {16, 20, 8}, {16, 6, 1}, {16, 5, 0}, {16, 0, 0}, {16, -3, 0}, {1, 100, 1},
	} {
		if got := planThreads(c.wanted, c.free); got != c.want {
			t.Errorf("%d workers with %d free threads: got %d", c.wanted, c.free, got)
		}
	}
}

func TestCountThreads(t *testing.T) {
	proc := makeTree(t, tree{"1/task/1/": "", "1/task/5/": "", "22/task/22/": "", "self/task/1/": "", "33/": ""})
	if got := countThreads(proc, os.Getuid()); got != 3 {
		t.Errorf("counted %d threads of 3", got)
	}
	if got := countThreads(proc, os.Getuid()+1); got != 0 {
		t.Errorf("counted %d threads of somebody else", got)
	}
}

func TestGroupFolders(t *testing.T) {
	for memberships, want := range map[string]string{
		"":                           "/c",
		"0::/\n":                     "/c /c",
		"0::/user.slice/a b.scope\n": "/c /c/user.slice/a b.scope /c/user.slice /c",
		"9:name=systemd:/x\n8:pids:/docker/1\n0::/\n": "/c /c/pids/docker/1 /c/pids/docker /c/pids /c",
		"3:memory:/x\n2:cpu,pids:/y:z\n":              "/c /c/cpu,pids/y:z /c/cpu,pids",
		"0::/../outside\n":                            "/c /c/outside /c",
		"nonsense\n\n":                                "/c",
	} {
		if got := strings.Join(groupFolders("/c", memberships), " "); got != want {
			t.Errorf("%q: %s, want %s", memberships, got, want)
		}
	}
}

func TestLimitOfAContainer(t *testing.T) {
	for text, want := range map[string]string{"20\n": "20 7", "max\n": "4096 0", "": "4096 0"} {
		group := makeTree(t, tree{"pids.max": text, "pids.current": "7\n"})
		limit, used := groupLimit(group)
		if got := fmt.Sprint(limit, " ", used); strings.ReplaceAll(got, "  ", " ") != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
	if limit, _ := groupLimit(filepath.Join(t.TempDir(), "none")); limit != unlimitedProcesses {
		t.Errorf("without a group: %d", limit)
	}
}

func TestNearestLimit(t *testing.T) {
	container := makeTree(t, tree{"pids.max": "10\n", "pids.current": "7\n"})
	unlimited := makeTree(t, tree{"pids.max": "max\n", "pids.current": "7\n"})
	ofContainer := container + "/pids.max, or a container's --pids-limit 71"
	for _, c := range []struct {
		limit, used int
		groups      []string
		want        string
	}{
		{100, 98, nil, "98 of 100: ulimit -u 162"},
		{100, 98, []string{unlimited, container}, "98 of 100: ulimit -u 162"},
		{unlimitedProcesses, 0, []string{unlimited, container}, "7 of 10: " + ofContainer},
		{100, 90, []string{container, unlimited}, "7 of 10: " + ofContainer},
	} {
		limit, used, remedy := nearestLimit(c.limit, c.used, c.groups)
		if got := fmt.Sprintf("%d of %d: %s", used, limit, remedy); got != c.want {
			t.Errorf("%d of %d: got %s, want %s", c.used, c.limit, got, c.want)
		}
	}
}
