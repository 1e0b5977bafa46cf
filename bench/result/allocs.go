package result

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Allocs is what one operation of a Go benchmark allocates.
type Allocs struct {
	Objects, Bytes int64 // allocs/op, B/op
}

// ReadBenchmarks reads the output of go test -bench with -benchmem and -cpu 1:
// by package and name, what each benchmark allocates. Of one that ran several
// times it is the least: what else a process does only adds.
func ReadBenchmarks(r io.Reader) (map[string]Allocs, error) {
	all := map[string]Allocs{}
	pkg := ""
	in := bufio.NewScanner(r)
	for in.Scan() {
		line := in.Text()
		if name, ok := strings.CutPrefix(line, "pkg: "); ok {
			pkg = name + "."
			continue
		}
		f := strings.Fields(line)
		if len(f) < 4 || !strings.HasPrefix(f[0], "Benchmark") {
			continue
		}
		a := Allocs{-1, -1}
		for i := 2; i+1 < len(f); i++ {
			n, err := strconv.ParseInt(f[i], 10, 64)
			switch {
			case err != nil:
			case f[i+1] == "allocs/op":
				a.Objects = n
			case f[i+1] == "B/op":
				a.Bytes = n
			}
		}
		if a.Objects < 0 || a.Bytes < 0 {
			return nil, fmt.Errorf("%s says nothing of allocations: -benchmem", f[0])
		}
		name := pkg + f[0]
		if old, ok := all[name]; ok {
			a = Allocs{min(a.Objects, old.Objects), min(a.Bytes, old.Bytes)}
		}
		all[name] = a
	}
	return all, in.Err()
}

// allocsHead begins a file of allocations.
const allocsHead = "# What an operation of each Go benchmark allocates: allocs/op, B/op, benchmark. Written by perf allocs save.\n"

// WriteAllocs writes them, a line each, in the order of their names.
func WriteAllocs(w io.Writer, all map[string]Allocs) error {
	var b strings.Builder
	b.WriteString(allocsHead)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&b, "%d %d %s\n", all[name].Objects, all[name].Bytes, name)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// ReadAllocs reads what WriteAllocs wrote.
func ReadAllocs(r io.Reader) (map[string]Allocs, error) {
	all := map[string]Allocs{}
	in := bufio.NewScanner(r)
	for n := 1; in.Scan(); n++ {
		line := in.Text()
		if strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Fields(line)
		if len(f) != 3 {
			return nil, fmt.Errorf("line %d: %.80q is not allocs/op, B/op and a benchmark", n, line)
		}
		objects, err1 := strconv.ParseInt(f[0], 10, 64)
		bytes, err2 := strconv.ParseInt(f[1], 10, 64)
		if _, twice := all[f[2]]; err1 != nil || err2 != nil || objects < 0 || bytes < 0 || twice {
			return nil, fmt.Errorf("line %d: %.80q has no two numbers, or is there twice", n, line)
		}
		all[f[2]] = Allocs{objects, bytes}
	}
	return all, in.Err()
}

// AllocsChanges compares what benchmarks allocate with what they did before, to
// the byte. More is worse, and so is a benchmark that only one of both has: it
// was added or lost without being looked at. Both lists have a line each.
func AllocsChanges(before, now map[string]Allocs) (worse, better []string) {
	for _, name := range slices.Sorted(maps.Keys(now)) {
		a, n := before[name], now[name]
		text := fmt.Sprintf("%s: %d allocs/op and %d B/op before, %d and %d now", name, a.Objects, a.Bytes, n.Objects, n.Bytes)
		switch _, known := before[name]; {
		case !known:
			worse = append(worse, fmt.Sprintf("%s: new, with %d allocs/op and %d B/op", name, n.Objects, n.Bytes))
		case n.Objects > a.Objects || n.Bytes > a.Bytes:
			worse = append(worse, text)
		case n != a:
			better = append(better, text)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(before)) {
		if _, ran := now[name]; !ran {
			worse = append(worse, name+": has not run")
		}
	}
	return worse, better
}
