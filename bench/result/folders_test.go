package result

import (
	"slices"
	"testing"
)

func TestGatherWithoutFolders(t *testing.T) {
	command := []string{"/opt/x/perf", "load", "unix:///run/x.sock", "http://127.0.0.1:1/mcp", "--out", "/srv/a/b.json", "--save=/srv/c.json", "--args={\"p\":\"/x/y\"}", "rel/d.json", "--rate=5"}
	given := slices.Clone(command)
	want := []string{"perf", "load", "unix:///run/x.sock", "http://127.0.0.1:1/mcp", "--out", "b.json", "--save=c.json", "--args={\"p\":\"/x/y\"}", "rel/d.json", "--rate=5"}
	if got := Gather(command).Command; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if !slices.Equal(command, given) {
		t.Error("the caller's command was changed")
	}
	if got := Gather(nil).Command; len(got) != 0 {
		t.Errorf("got %q of no command", got)
	}
}
