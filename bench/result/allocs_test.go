package result

import (
	"maps"
	"strings"
	"testing"
)

const benchmarks = `goos: linux
pkg: example.org/a
BenchmarkX/size=1         	     200	        85.99 ns/op	  10.5 MB/s	       5 B/op	       0 allocs/op
BenchmarkX/size=1         	     200	        85.99 ns/op	  10.5 MB/s	       4 B/op	       1 allocs/op
BenchmarkY 	     200	        85.99 ns/op	      12.0 p99-ns	    1024 B/op	       1 allocs/op
PASS
ok  	example.org/a	1.2s
pkg: example.org/b
BenchmarkX/size=1         	     200	        85.99 ns/op	       0 B/op	       0 allocs/op
`

func TestAllocs(t *testing.T) {
	all, err := ReadBenchmarks(strings.NewReader(benchmarks))
	want := map[string]Allocs{"example.org/a.BenchmarkX/size=1": {0, 4}, "example.org/a.BenchmarkY": {1, 1024}, "example.org/b.BenchmarkX/size=1": {}}
	if err != nil || !maps.Equal(all, want) {
		t.Errorf("%v %v", all, err)
	}
	if _, err := ReadBenchmarks(strings.NewReader("BenchmarkX 10 85.99 ns/op\n")); err == nil {
		t.Error("a benchmark without allocations was taken")
	}
	var file strings.Builder
	if err := WriteAllocs(&file, all); err != nil {
		t.Fatal(err)
	}
	again, err := ReadAllocs(strings.NewReader(file.String()))
	if err != nil || !maps.Equal(all, again) {
		t.Errorf("%v %v of\n%s", again, err, file.String())
	}
	for _, bad := range []string{"1 2\n", "1 2 a b\n", "x 2 a\n", "1 x a\n", "-1 2 a\n", "1 -2 a\n", "1 2 a\n1 2 a\n", "\n"} {
		if _, err := ReadAllocs(strings.NewReader(bad)); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestAllocsChanges(t *testing.T) {
	before := map[string]Allocs{"x": {1, 100}, "y": {0, 0}}
	for _, c := range []struct {
		name          string
		now           map[string]Allocs
		worse, better int
	}{
		{"the same", map[string]Allocs{"x": {1, 100}, "y": {}}, 0, 0},
		{"a byte more", map[string]Allocs{"x": {1, 101}, "y": {}}, 1, 0},
		{"an object more", map[string]Allocs{"x": {1, 100}, "y": {1, 0}}, 1, 0},
		{"fewer objects of more bytes", map[string]Allocs{"x": {0, 101}, "y": {}}, 1, 0},
		{"fewer", map[string]Allocs{"x": {0, 0}, "y": {}}, 0, 1},
		{"lost", map[string]Allocs{"x": {1, 100}}, 1, 0},
		{"new", map[string]Allocs{"x": {1, 100}, "y": {}, "z": {}}, 1, 0},
		{"nothing ran", nil, 2, 0},
	} {
		if worse, better := AllocsChanges(before, c.now); len(worse) != c.worse || len(better) != c.better {
			t.Errorf("%s: worse %q, better %q", c.name, worse, better)
		}
	}
}
