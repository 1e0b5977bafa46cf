package page

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// Page is where the figures are told, from the root of the repository.
const Page = "PERFORMANCE.md"

// update is the variable by which tests write the page anew.
const update = "GANNET_UPDATE_PAGE"

// Check compares the blocks of the page whose figures are of a file with what was
// rendered of it, by name: with "" the lines of tables. root is the repository, as
// seen from the test. Each text with a name must be on the page.
func Check(t testing.TB, root, file string, rendered map[string]string) {
	t.Helper()
	path := filepath.Join(root, Page)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text, complaints := compare(string(b), file, rendered)
	if os.Getenv(update) != "" {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		_, complaints = compare(text, file, rendered)
	}
	for _, c := range complaints {
		t.Error(c)
	}
}

// compare says what of the blocks of a file differs, and returns the page with all of
// it put right that can be: texts by name, and tables with the same head.
func compare(text, file string, rendered map[string]string) (right string, complaints []string) {
	lines := strings.Split(text, "\n")
	blocks := Blocks(text)
	seen := map[string]bool{}
	anew := tables(blocks, file, rendered[""])
	for i := len(blocks) - 1; i >= 0; i-- { // so that line numbers stay right
		b := &blocks[i]
		if b.File != file {
			continue
		}
		want, known := rendered[b.Name]
		want = strings.Trim(want, "\n")
		seen[b.Name] = true
		put := func(with string) {
			lines = append(lines[:b.Line:b.Line], append(strings.Split(with, "\n"), lines[b.Line+len(b.Rows):]...)...)
		}
		switch {
		case !known:
			complaints = append(complaints, at(b, "there is no text \""+b.Name+"\" of "+file))
		case b.Name != "":
			if b.Text() != want {
				complaints = append(complaints, at(b, "not what "+file+" says, which is\n"+want))
				put(want)
			}
		case !b.Table:
			complaints = append(complaints, at(b, "the marker of a paragraph names its text"))
		default:
			have := map[string]bool{}
			for r := range strings.SplitSeq(want, "\n") {
				have[r] = true
			}
			differs := false
			for _, r := range b.Rows {
				if !have[r] {
					complaints = append(complaints, at(b, file+" has no row\n"+r))
					differs = true
				}
			}
			if with := anew[i]; differs && with != "" {
				put(with)
			}
		}
	}
	for name := range rendered {
		if name != "" && !seen[name] {
			complaints = append(complaints, Page+": the text "+name+" of "+file+" is not there: <!-- figures: "+file+" "+name+" -->\n"+rendered[name])
		}
	}
	return strings.Join(lines, "\n"), complaints
}

// tables are those that were rendered, for the blocks of a file that are tables: the
// one with the same head, and of several with one head the one at the same place.
func tables(blocks []Block, file, rendered string) map[int]string {
	byHead := map[string][]string{}
	for _, b := range Blocks(rendered) {
		if b.Table {
			byHead[b.Rows[0]] = append(byHead[b.Rows[0]], b.Text())
		}
	}
	on := map[string][]int{}
	for i := range blocks {
		if b := &blocks[i]; b.File == file && b.Table && b.Name == "" {
			on[b.Rows[0]] = append(on[b.Rows[0]], i)
		}
	}
	anew := map[int]string{}
	for head, at := range on {
		if with := byHead[head]; len(with) == len(at) {
			for k, i := range at {
				anew[i] = with[k]
			}
		}
	}
	return anew
}

func at(b *Block, text string) string {
	return Page + ":" + strconv.Itoa(b.Line+1) + ": " + text
}
