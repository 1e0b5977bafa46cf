package page

import (
	"regexp"
	"strings"
)

// A Block is a table or a stretch of prose of a page.
type Block struct {
	Line  int    // of its first line, from 1
	Table bool   // else prose: a paragraph, or one item of a list
	File  string // that the marker before it names; "" is none
	Rows  []string
}

// marker names the file that the figures of the next block come from.
var marker = regexp.MustCompile(`^<!-- figures: (\S+) -->$`)

// Blocks takes a page of Markdown apart. Code and headings are none.
func Blocks(text string) (all []Block) {
	var open *Block
	file, code := "", false
	for i, line := range strings.Split(text, "\n") {
		bare := strings.TrimSpace(line)
		if strings.HasPrefix(bare, "```") {
			code, open = !code, nil
			continue
		}
		if code {
			continue
		}
		if m := marker.FindStringSubmatch(bare); m != nil {
			file, open = m[1], nil
			continue
		}
		if bare == "" || strings.HasPrefix(bare, "#") || strings.HasPrefix(bare, "<!--") {
			open = nil
			continue
		}
		table := strings.HasPrefix(bare, "|")
		if open == nil || open.Table != table || strings.HasPrefix(bare, "- ") {
			all = append(all, Block{Line: i + 1, Table: table, File: file})
			open, file = &all[len(all)-1], ""
		}
		open.Rows = append(open.Rows, line)
	}
	return all
}

// figure is a number with a unit of what is measured, or a factor, or a range of them.
// Numbers of other things (connections, CPUs, rounds, versions) say what was done, and
// stand in the command beside.
var figure = regexp.MustCompile(`(\d[\d,.]*\d|\d)(?: (?:M|thousand|million))?(?: ?(?:ns|µs|ms|GB/s|MB/s|M/s|GB|MB|KB|%)|/s| (?:messages/s|bytes (?:each|a connection|for a)|times|times as|allocations?|objects?|events?/s|events a second|a second|seconds|CPU µs)\b)`)

// Figures are the numbers of prose that were measured, as it writes them, without
// their units. What stands in code is a command's.
func Figures(text string) (all []string) {
	text = regexp.MustCompile("`[^`]*`").ReplaceAllString(text, "")
	for _, m := range figure.FindAllStringSubmatch(text, -1) {
		all = append(all, m[1])
	}
	return all
}
