package page

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// Stored results name no folder of the machine that they were measured on, but for
// sockets in the folder that perf makes for itself.
func TestStoredPaths(t *testing.T) {
	files, err := filepath.Glob(stored("bench/baseline/*"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	folder := regexp.MustCompile(`(^|[^a-zA-Z0-9_.])/(work|root|home|Users|tmp/[^g])[^"\s]*|"/tmp/[^"]*`)
	if !folder.MatchString(`["--out","/tmp/x/suite.json"]`) || !folder.MatchString(`/home/x/bin/gannet`) || folder.MatchString(`"unix:///tmp/gannet-perf-1/socket"`) {
		t.Fatal("the pattern does not find what it is for")
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if found := folder.Find(b); found != nil {
			t.Errorf("%s: %.80q; keep the name of the file alone", filepath.Base(file), found)
		}
	}
}
