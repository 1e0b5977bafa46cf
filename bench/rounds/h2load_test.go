package rounds

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What h2load logs is read whole, or refused with the line that is none.
func TestH2loadLog(t *testing.T) {
	for _, tc := range []struct {
		what, log, err string
		want           otherSaid
	}{
		{"three", "1000\t200\t30\n1010\t200\t10\n2000\t200\t500\n", "", otherSaid{Micros: 1500, Mean: 180, P50: 30, P99: 500, P999: 500, Max: 500}},
		{"out of order", "2000\t200\t500\n1000\t200\t30\n", "", otherSaid{Micros: 1500, Mean: 265, P50: 500, P99: 500, P999: 500, Max: 500}},
		{"empty", "", "empty", otherSaid{}},
		{"cut", "1000\t200\n", `"1000\t200"`, otherSaid{}},
		{"no number", "1000\t200\tx\n", `"1000\t200\tx"`, otherSaid{}},
	} {
		path := filepath.Join(t.TempDir(), "log")
		if err := os.WriteFile(path, []byte(tc.log), 0o600); err != nil {
			t.Fatal(err)
		}
		var got otherSaid
		err := got.readLog(path)
		if tc.err != "" {
			if err == nil || !strings.Contains(err.Error(), tc.err) {
				t.Errorf("%s: %v", tc.what, err)
			}
			continue
		}
		if err != nil || got != tc.want {
			t.Errorf("%s: %+v, %v", tc.what, got, err)
		}
	}
	if m := h2loadTotals.FindStringSubmatch("requests: 12 total, 12 started, 12 done, 11 succeeded, 1 failed, 0 errored"); m == nil || m[1] != "12" || m[2] != "11" {
		t.Errorf("%q", m)
	}
}
