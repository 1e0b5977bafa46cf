package main

import (
	"bufio"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gannetmcp/gannet/bench/result"
)

// The messages of the table of codecs, and its columns: a build, and what it has
// to parse with.
var (
	codecMessages = []struct{ name, title string }{
		{"ping", "ping, 45 B"},
		{"call300", "call, short members, 310 B"},
		{"call", "call, 977 B"},
		{"list", "list of 24 tools, 19 KB"},
		{"call-1M", "call, 1 MiB of source text"},
		{"b64-1M", "result, 1 MiB of base64"},
		{"deep", "result, short values nine levels deep, 70 KB"},
		{"utf", "one string in several scripts, 21 KB"},
	}
	codecColumns = []struct{ build, impl string }{
		{"default", "gannet"}, {"purego", "gannet"}, {"default", "encodingjson"}, {"default", "jsonv2"}, {"default", "goccy"}, {"default", "fastjson"},
	}
)

// The table of codecs that PERFORMANCE.md has is that of the stored output.
func TestCodecPage(t *testing.T) {
	f, err := os.Open("../baseline/codec.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	type key struct{ build, message, impl, unit string }
	figures := map[key][]float64{}
	build := ""
	in := bufio.NewScanner(f)
	for in.Scan() {
		if b, ok := strings.CutPrefix(in.Text(), "build="); ok {
			build = b
			continue
		}
		words := strings.Fields(in.Text())
		if len(words) == 0 || !strings.HasPrefix(words[0], "BenchmarkParse/") {
			continue
		}
		_, message, _ := strings.Cut(words[0], "/msg=")
		message, impl, _ := strings.Cut(message, "/impl=")
		for i := 2; i+1 < len(words); i += 2 {
			v, err := strconv.ParseFloat(words[i], 64)
			if err != nil {
				t.Fatalf("%q: %v", in.Text(), err)
			}
			k := key{build, message, impl, words[i+1]}
			figures[k] = append(figures[k], v)
		}
	}
	if err := in.Err(); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../../PERFORMANCE.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range codecMessages {
		row := "| " + m.title
		for _, c := range codecColumns {
			median := func(unit string) float64 {
				v := slices.Clone(figures[key{c.build, m.name, c.impl, unit}])
				if len(v) != 5 {
					t.Fatalf("%s of %s by %s, build %s: %d figures of 5", unit, m.name, c.impl, c.build, len(v))
				}
				return result.SpreadOf(v).Median
			}
			if m.name == "ping" {
				row += fmt.Sprintf(" | %.1f ns", median("ns/op"))
				continue
			}
			row += fmt.Sprintf(" | %.3g (%.0f)", median("MB/s")/1e3, median("allocs/op"))
		}
		if row += " |\n"; !strings.Contains(string(page), row) {
			t.Errorf("PERFORMANCE.md lacks the line\n%s", row)
		}
	}
}
