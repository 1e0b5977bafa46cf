package result

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Facts are what figures depend on beside the code.
type Facts struct {
	Date       time.Time `json:"date"`
	CPU        string    `json:"cpu"`
	CPUs       int       `json:"cpus"`
	Memory     string    `json:"memory"`
	Kernel     string    `json:"kernel"`
	Go         string    `json:"go"`
	System     string    `json:"system"`
	Commit     string    `json:"commit"` // with -dirty where the work tree differs from it
	GOMAXPROCS int       `json:"gomaxprocs,omitempty"`
	GOGC       string    `json:"gogc,omitempty"` // of the environment; absent where that does not say
	// Load is how busy the machine was in the minute before, as a load average;
	// absent in results from before it was kept.
	Load    string   `json:"load_average,omitempty"`
	Command []string `json:"command"`
}

// Gather asks the system; what it does not say is "unknown". GOMAXPROCS and
// GOGC are those of this process. Of the files that command names by their whole
// path only the name is kept: the folders of a machine are of no use on another.
func Gather(command []string) Facts {
	return Facts{
		Date: time.Now().UTC().Truncate(time.Second), CPUs: runtime.NumCPU(), Go: runtime.Version(),
		System: runtime.GOOS + "/" + runtime.GOARCH, Command: withoutFolders(command),
		CPU:    known(colonField(fileText("/proc/cpuinfo"), "model name")),
		Memory: known(colonField(fileText("/proc/meminfo"), "MemTotal")),
		Kernel: known(kernel()),
		Commit: known(commit()), GOMAXPROCS: runtime.GOMAXPROCS(0), GOGC: os.Getenv("GOGC"),
		Load: known(loadAverage()),
	}
}

// loadAverage is that of the last minute.
func loadAverage() string {
	average, _, _ := strings.Cut(fileText("/proc/loadavg"), " ")
	return average
}

// Dirty says that the code measured is not that of the commit.
func (f *Facts) Dirty() bool { return strings.HasSuffix(f.Commit, "-dirty") }

// SameMachine says whether figures of both compare. What a kernel calls its memory
// differs by some kB between two boots: a hundredth is no other machine.
func (f *Facts) SameMachine(o *Facts) bool {
	mine, theirs := *f, *o
	a, err1 := strconv.ParseFloat(strings.TrimSuffix(f.Memory, " kB"), 64)
	b, err2 := strconv.ParseFloat(strings.TrimSuffix(o.Memory, " kB"), 64)
	if err1 == nil && err2 == nil && math.Abs(a-b) <= 0.01*max(a, b) {
		mine.Memory, theirs.Memory = "", ""
	}
	return mine.Fingerprint() == theirs.Fingerprint()
}

// Fingerprint is the machine, in words.
func (f *Facts) Fingerprint() string {
	return fmt.Sprintf("%s, %d CPUs, %s, %s, %s", f.CPU, f.CPUs, f.Memory, f.Kernel, f.System)
}

// commit is that of this binary, or where it was built without one that of the
// folder it lies in, or runs in.
func commit() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return describe()
	}
	revision, modified := "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value[:min(12, len(s.Value))]
		case s.Key == "vcs.modified" && s.Value == "true":
			modified = "-dirty"
		}
	}
	if revision == "" {
		return describe()
	}
	return revision + modified
}

// describe is the commit as git names it, with -dirty where files differ from it.
// Stored results, and the page of them, are not what was measured: a result that was
// saved makes no later one dirty.
func describe() string {
	if self, err := os.Executable(); err == nil {
		if s := describeIn(filepath.Dir(self)); s != "" {
			return s
		}
	}
	return describeIn(".")
}

func describeIn(dir string) string {
	commit := output("git", "-C", dir, "describe", "--always", "--abbrev=12", "--exclude=*")
	if commit != "" && output("git", "-C", dir, "status", "--porcelain", "--untracked-files=no", "--", ":(top)", ":(top,exclude)bench/baseline", ":(top,exclude)PERFORMANCE.md") != "" {
		commit += "-dirty"
	}
	return commit
}

// kernel is what uname -sr says, which is not everywhere.
func kernel() string {
	if release := strings.TrimSpace(fileText("/proc/sys/kernel/osrelease")); release != "" {
		return "Linux " + release
	}
	return output("uname", "-sr")
}

func known(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}

func fileText(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return string(b)
}

func output(name string, args ...string) string {
	b, err := exec.Command(name, args...).Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// colonField finds "name : value" in text and returns the value, or "".
func colonField(text, name string) string {
	for line := range strings.Lines(text) {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == name {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// withoutFolders returns a copy of a command whose absolute paths, also behind the =
// of a flag, are file names.
func withoutFolders(command []string) []string {
	list := slices.Clone(command)
	for i, arg := range list {
		flag, path := "", arg
		if name, value, ok := strings.Cut(arg, "="); ok && strings.HasPrefix(arg, "-") {
			flag, path = name+"=", value
		}
		if filepath.IsAbs(path) {
			list[i] = flag + filepath.Base(path)
		}
	}
	return list
}
