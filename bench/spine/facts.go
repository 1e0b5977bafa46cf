package main

import (
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// facts are what figures depend on beside the code.
type facts struct {
	Date    time.Time `json:"date"`
	CPU     string    `json:"cpu"`
	CPUs    int       `json:"cpus"`
	Memory  string    `json:"memory"`
	Kernel  string    `json:"kernel"`
	Go      string    `json:"go"`
	System  string    `json:"system"`
	Commit  string    `json:"commit"` // with -dirty where the work tree differs from it
	Command []string  `json:"command"`
}

// gatherFacts asks the system; what it does not say is "unknown".
func gatherFacts(command []string) facts {
	return facts{
		Date: time.Now().UTC().Truncate(time.Second), CPUs: runtime.NumCPU(), Go: runtime.Version(),
		System: runtime.GOOS + "/" + runtime.GOARCH, Command: command,
		CPU:    known(colonField(fileText("/proc/cpuinfo"), "model name")),
		Memory: known(colonField(fileText("/proc/meminfo"), "MemTotal")),
		Kernel: known(output("uname", "-sr")),
		Commit: known(output("git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*")),
	}
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
