package page

import (
	"regexp"
	"strings"
)

// A Block is a table or a stretch of prose of a page.
type Block struct {
	Line  int    // of its first row, from 0
	Table bool   // else prose: a paragraph, or one item of a list
	File  string // that the marker before it names, from the root of the repository; "" is none
	Name  string // of the text there; "" is that the marker has none
	Rows  []string
}

// Text is the block as it stands.
func (b *Block) Text() string { return strings.Join(b.Rows, "\n") }

// marker says where the figures of the next block come from.
var marker = regexp.MustCompile(`^<!-- figures: (\S+?)(?: ([a-z0-9-]+))? -->$`)

// Blocks takes a page of Markdown apart. Code and headings are none.
func Blocks(text string) (all []Block) {
	var open *Block
	file, name, code := "", "", false
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
			file, name, open = m[1], m[2], nil
			continue
		}
		if bare == "" || strings.HasPrefix(bare, "#") || strings.HasPrefix(bare, "<!--") {
			open = nil
			continue
		}
		table := strings.HasPrefix(bare, "|")
		if open == nil || open.Table != table || strings.HasPrefix(bare, "- ") {
			all = append(all, Block{Line: i, Table: table, File: file, Name: name})
			open, file, name = &all[len(all)-1], "", ""
		}
		open.Rows = append(open.Rows, line)
	}
	return all
}

// figure is a number with a unit of what is measured, or a factor. Numbers of other
// things (connections, CPUs, rounds, versions) say what was done.
var figure = regexp.MustCompile(`(\d[\d,.]*\d|\d)(?: ?(?:ns|µs|ms|GB/s|MB/s|GB|MB|KB|%)(?:[^\w]|$)| ?M?/s\b| (?:M )?(?:messages/s|messages a second|bytes (?:each|a connection|for a)|times|allocations?|objects?|events/s|events a second|a second|sessions/s|CPU µs)\b)`)

// code is a stretch of code in prose, which is a command's or the program's.
var code = regexp.MustCompile("`[^`]*`")

// Figures are the numbers of prose that were measured, as it writes them, without
// their units.
func Figures(text string) (all []string) {
	for _, m := range figure.FindAllStringSubmatch(code.ReplaceAllString(text, ""), -1) {
		all = append(all, m[1])
	}
	return all
}
