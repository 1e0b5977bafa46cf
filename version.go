package main

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/gannetmcp/gannet/engine/mcp"
)

type versionCommand struct {
	JSON bool `help:"Print JSON."`
}

// Help is shown below the usage.
func (versionCommand) Help() string {
	return `Examples:
  gannet version
  gannet version --json`
}

// build says what this binary was made of.
type build struct {
	Version   string   `json:"version"`
	Commit    string   `json:"commit,omitempty"`
	Date      string   `json:"date,omitempty"` // of the commit
	Modified  bool     `json:"modified"`       // built from a tree that differs from the commit
	Go        string   `json:"go"`
	OS        string   `json:"os"`
	Arch      string   `json:"arch"`
	Revisions []string `json:"revisions"` // of MCP
}

func buildVersion() build {
	b := build{Version: "devel", Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH, Revisions: mcp.Revisions()}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		b.Version = v
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.time":
			b.Date = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}

// Run prints the version.
func (c *versionCommand) Run(std *streams) error {
	b := buildVersion()
	if c.JSON {
		enc := json.NewEncoder(std.out)
		enc.SetIndent("", "  ")
		return enc.Encode(b)
	}
	commit := b.Commit
	if len(commit) > 12 {
		commit = commit[:12]
	}
	if b.Modified {
		commit += " (modified)"
	}
	_, err := fmt.Fprintf(std.out, "gannet %s %s\n%s %s/%s\nMCP", b.Version, commit, b.Go, b.OS, b.Arch)
	for _, r := range b.Revisions {
		fmt.Fprint(std.out, " ", r)
	}
	fmt.Fprintln(std.out)
	return err
}
