package page

import (
	"bufio"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Benchmarks are the figures of the output of go test -bench: by name and unit, in the
// order in which they were measured, one for each round. A line build=NAME goes
// before the names of those behind it.
type Benchmarks struct {
	Facts   string // by whom and when, as perf keep wrote it; "" of other outputs
	Command string // likewise
	Figures map[string][]float64
}

// ReadBenchmarks reads a file.
func ReadBenchmarks(t testing.TB, path string) *Benchmarks {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	b := &Benchmarks{Figures: map[string][]float64{}}
	build := ""
	in := bufio.NewScanner(f)
	for n := 0; in.Scan(); n++ {
		line := in.Text()
		if rest, ok := strings.CutPrefix(line, "# "); ok {
			switch n {
			case 0:
				b.Command = rest
			case 1:
				b.Facts = rest
			}
			continue
		}
		if name, ok := strings.CutPrefix(line, "build="); ok {
			build = name + " "
			continue
		}
		words := strings.Fields(line)
		if len(words) < 4 || !strings.HasPrefix(words[0], "Benchmark") {
			continue
		}
		for i := 2; i+1 < len(words); i += 2 {
			v, err := strconv.ParseFloat(words[i], 64)
			if err != nil {
				t.Fatalf("%s: %q: %v", path, line, err)
			}
			key := build + words[0] + " " + words[i+1]
			b.Figures[key] = append(b.Figures[key], v)
		}
	}
	if err := in.Err(); err != nil {
		t.Fatal(err)
	}
	if len(b.Figures) == 0 {
		t.Fatalf("%s: no benchmark in it", path)
	}
	return b
}

// Of are the figures of a benchmark in a unit, which must be there.
func (b *Benchmarks) Of(t testing.TB, name, unit string) []float64 {
	t.Helper()
	v := b.Figures[name+" "+unit]
	if len(v) == 0 {
		t.Fatalf("no %s of %s was stored", unit, name)
	}
	return slices.Clone(v)
}

// Median is that of a benchmark's figures.
func (b *Benchmarks) Median(t testing.TB, name, unit string) float64 {
	t.Helper()
	return median(b.Of(t, name, unit))
}

// Least is the least of them.
func (b *Benchmarks) Least(t testing.TB, name, unit string) float64 {
	t.Helper()
	return slices.Min(b.Of(t, name, unit))
}

// Ratio is the median of one by another, round by round.
func (b *Benchmarks) Ratio(t testing.TB, name, by, unit string) float64 {
	t.Helper()
	x, y := b.Of(t, name, unit), b.Of(t, by, unit)
	if len(x) != len(y) {
		t.Fatalf("%s has %d rounds, %s %d", name, len(x), by, len(y))
	}
	for i := range x {
		x[i] /= y[i]
	}
	return median(x)
}

func median(v []float64) float64 {
	slices.Sort(v)
	n := len(v)
	if n%2 == 1 {
		return v[n/2]
	}
	return (v[n/2-1] + v[n/2]) / 2
}

// Digits writes three of them, with groups of thousands.
func Digits(v float64) string {
	switch {
	case v >= 100:
		s := fmt.Sprintf("%.0f", v)
		for i := len(s) - 3; i > 0; i -= 3 {
			s = s[:i] + "," + s[i:]
		}
		return s
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}
