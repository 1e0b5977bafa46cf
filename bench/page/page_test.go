package page

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// root is the repository.
const root = "../.."

// No table, and no paragraph with figures, is without the file that they are of; each
// such file is there, and a test compares it.
func TestPageMarked(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(root, Page))
	if err != nil {
		t.Fatal(err)
	}
	blocks := Blocks(string(b))
	for _, c := range unmarked(blocks) {
		t.Error(c)
	}
	compared := comparedFiles(t)
	files := map[string]bool{}
	for _, b := range blocks {
		if b.File == "" {
			continue
		}
		files[b.File] = true
		if _, err := os.Stat(filepath.Join(root, b.File)); err != nil {
			t.Error(at(&b, err.Error()))
		}
		if !compared[b.File] {
			t.Error(at(&b, "no test compares "+b.File+" (page.Check)"))
		}
	}
	if len(files) < 10 {
		t.Errorf("%d files: the markers are not read", len(files))
	}
}

// What the page points to within itself is there, by the names that GitHub gives to
// headings.
func TestPageLinks(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(root, Page))
	if err != nil {
		t.Fatal(err)
	}
	headings := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^#{1,3} (.+)$`).FindAllStringSubmatch(string(b), -1) {
		headings[strings.ReplaceAll(regexp.MustCompile(`[^a-z0-9 _-]`).ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-")] = true
	}
	links := regexp.MustCompile(`\]\(#([^)]*)\)`).FindAllStringSubmatch(string(b), -1)
	for _, m := range links {
		if !headings[m[1]] {
			t.Errorf("%s: no heading is #%s", Page, m[1])
		}
	}
	if len(links) < 10 {
		t.Errorf("%d links: they are not read", len(links))
	}
}

// unmarked says which blocks lack a file.
func unmarked(blocks []Block) (complaints []string) {
	for i := range blocks {
		b := &blocks[i]
		switch {
		case b.File != "":
		case b.Table:
			complaints = append(complaints, at(b, "no stored result backs this table; <!-- figures: FILE --> before it names one"))
		default:
			if f := Figures(b.Text()); len(f) > 0 {
				complaints = append(complaints, at(b, "figures of no stored result: "+strings.Join(f, ", ")+"; <!-- figures: FILE NAME --> before the paragraph names one, or they go"))
			}
		}
	}
	return complaints
}

// comparedFiles are those that tests give to Check.
func comparedFiles(t *testing.T) map[string]bool {
	t.Helper()
	call := regexp.MustCompile(`(?:page\.)?Check\(t, \w+, "([^"]+)"`)
	named := regexp.MustCompile(`"((?:bench|engine|transports)/[^"\s]+\.(?:json|txt|go))"`)
	files := map[string]bool{}
	err := filepath.WalkDir(filepath.Join(root, "bench"), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if !call.Match(b) && !strings.Contains(string(b), "Check(t, root, ") {
			return nil
		}
		for _, m := range named.FindAllStringSubmatch(string(b), -1) {
			files[m[1]] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

const sample = `# A page

Some words, 2 CPUs, 64 connections of version 1.2, ` + "`sleep 5 ms`" + `.

<!-- figures: a.json -->

| x | y |
|---|---|
| 1 | 2 |

It took 5.8 ns, or 1.96 times as long, at 10,000/s.
And on the next line 3 µs.

<!-- figures: b.txt two -->
One takes 7 ms.

` + "```" + `
| not | a table |
` + "```" + `
- an item of 93.8 MB
- another of 1,424 bytes each, 35 %

| z |
|---|
`

func TestPageBlocks(t *testing.T) {
	blocks := Blocks(sample)
	var got []string
	for _, b := range blocks {
		kind := "prose"
		if b.Table {
			kind = "table"
		}
		got = append(got, strings.TrimSpace(strings.Join([]string{kind, b.File, b.Name, strings.Join(Figures(b.Text()), " ")}, " ")))
		if strings.Split(sample, "\n")[b.Line] != b.Rows[0] {
			t.Errorf("%q is not at line %d", b.Rows[0], b.Line)
		}
	}
	want := []string{"prose", "table a.json", "prose   5.8 1.96 10,000 3", "prose b.txt two 7", "prose   93.8", "prose   1,424 35", "table"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if c := unmarked(blocks); len(c) != 4 || !strings.Contains(c[0], "5.8, 1.96, 10,000, 3") || !strings.Contains(c[3], "no stored result backs this table") {
		t.Errorf("%q", c)
	}
	for _, none := range []string{"three rounds of 2s", "commit 94988b27", "TLS 1.3", "2025-11-25", "a line of 1,002 bytes", "go1.26.8", "`0.5 ms`", "24 tools"} {
		if f := Figures(none); len(f) > 0 {
			t.Errorf("%q has the figures %q", none, f)
		}
	}
}

func TestPageCompare(t *testing.T) {
	const page = "<!-- figures: f t -->\nIt takes 3 ns.\n\n<!-- figures: f -->\n| a |\n|---|\n| 1 |\n\n<!-- figures: f -->\n| a |\n|---|\n| 2 |\n\n<!-- figures: g -->\n| a |\n|---|\n| 9 |\n"
	rendered := map[string]string{"": "| a |\n|---|\n| 1 |\n\n| a |\n|---|\n| 2 |\n", "t": "It takes 3 ns.\n"}
	if right, c := compare(page, "f", rendered); len(c) != 0 || right != page {
		t.Errorf("%q, %q", c, right)
	}
	rendered = map[string]string{"": "| a |\n|---|\n| 5 |\n| 6 |\n\n| a |\n|---|\n| 7 |\n", "t": "It takes 4 ns.\n"}
	right, c := compare(page, "f", rendered)
	want := strings.NewReplacer("3 ns", "4 ns", "| 1 |", "| 5 |\n| 6 |", "| 2 |", "| 7 |").Replace(page)
	if len(c) != 3 || right != want {
		t.Errorf("%q, %q", c, right)
	}
	if again, c := compare(right, "f", rendered); len(c) != 0 || again != right {
		t.Errorf("put right: %q", c)
	}
	for name, bad := range map[string]map[string]string{
		"a text that the page lacks": {"": "| a |\n|---|\n| 1 |\n| 2 |\n", "t": "It takes 3 ns.", "u": "x"},
		"a text that is not there":   {"": "| a |\n|---|\n| 1 |\n| 2 |\n"},
		"nothing rendered":           {},
	} {
		if _, c := compare(page, "f", bad); len(c) == 0 {
			t.Errorf("%s: no complaint", name)
		}
	}
	if _, c := compare("<!-- figures: f -->\nIt takes 3 ns.\n", "f", map[string]string{"": "x"}); len(c) != 1 || !strings.Contains(c[0], "names its text") {
		t.Errorf("%q", c)
	}
}
