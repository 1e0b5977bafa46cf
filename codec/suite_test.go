package codec

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// suiteFolder returns the folder with the JSON test suite, or ends the test:
// with CI set the folder must be there.
func suiteFolder(t *testing.T) string {
	dir := os.Getenv("GANNET_JSON_SUITE")
	if dir == "" {
		if os.Getenv("CI") != "" {
			t.Fatal("GANNET_JSON_SUITE is not set, and CI is")
		}
		t.Skip("GANNET_JSON_SUITE names no folder with the JSON test suite; the table of our own still runs")
	}
	return dir
}

// wrap puts a document into a message at some alignment.
func wrap(doc []byte, pad int) []byte {
	return fmt.Appendf(nil, `{"jsonrpc":"2.0","method":"m"%s,"params":{"v":%s}}`, strings.Repeat(" ", pad), doc)
}

func accepts(p *Parser, m *Message, b []byte) bool {
	return p.Parse(m, b[:len(b):len(b)]) == nil
}

// The 95 documents that must be accepted are, the 188 that must not are not,
// as the value of a member, at 66 alignments. Of the 35 that are left to the
// reader, what is taken is stated here.
func TestJSONSuite(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(suiteFolder(t), "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	p := NewParser(Limits{Depth: 500})
	var m Message
	count := map[byte]int{}
	for _, name := range files {
		doc, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		base := filepath.Base(name)
		count[base[0]]++
		for pad := range 66 {
			got := accepts(p, &m, wrap(doc, pad))
			var want bool
			switch base[0] {
			case 'y':
				want = true
			case 'i':
				// Taken: numbers of any size, as text. Refused: all that is no
				// well-formed UTF-8, lone surrogates, 500 levels.
				want = strings.HasPrefix(base, "i_number_")
			}
			if got != want {
				t.Errorf("%s at alignment %d: accepted %v, want %v (%v)", base, pad, got, want, m.err.Error())
				break
			}
		}
	}
	if count['y'] != 95 || count['n'] != 188 || count['i'] != 35 {
		t.Errorf("the suite has %d y_, %d n_ and %d i_ documents; want 95, 188 and 35", count['y'], count['n'], count['i'])
	}
}

// documents is the table of our own: always run, and the seeds of fuzzing.
var documents = []struct {
	doc  string
	good bool
}{
	{`{}`, true}, {`[]`, true}, {`""`, true}, {`0`, true}, {`-0`, true}, {`1e5`, true}, {`-1.5E-10`, true}, {`0.1`, true}, {`1E+2`, true},
	{`true`, true}, {`false`, true}, {`null`, true}, {`[1,2 , 3]`, true}, {`{"a" : {"b":[{}]}}`, true}, {`"\u00e9\n\/"`, true}, {`"\ud83d\ude00"`, true},
	{"\"\u00e9\u20ac\U0001F600\"", true}, {`[[[[[[]]]]]]`, true}, {`{"":""}`, true}, {"\t[\r\n1 ]", true}, {`"` + strings.Repeat("x", 200) + `"`, true},
	{`"` + strings.Repeat(`x\"`, 100) + `"`, true}, {`"` + strings.Repeat("é", 100) + `"`, true}, {`"` + strings.Repeat("x", 63) + `\\"`, true}, {`{"a":1,"a":2}`, true},
	{`123456789012345678901234567890`, true}, {`1e99999999999`, true}, {`"\u0000"`, true}, {"\"\x7f\"", true},

	{`{`, false}, {`[`, false}, {`"`, false}, {``, false}, {`{]`, false}, {`[}`, false}, {`{"a"}`, false}, {`{"a":}`, false}, {`{"a":1,}`, false}, {`[1,]`, false},
	{`[,1]`, false}, {`{,}`, false}, {`{a:1}`, false}, {`{'a':1}`, false}, {`{"a"::1}`, false}, {`{"a":1 "b":2}`, false}, {`[1 2]`, false}, {`01`, false}, {`-`, false},
	{`+1`, false}, {`1.`, false}, {`.1`, false}, {`1e`, false}, {`1e+`, false}, {`0x1`, false}, {`NaN`, false}, {`Infinity`, false}, {`-Infinity`, false}, {`tru`, false},
	{`True`, false}, {`nul`, false}, {`nulll`, false}, {`"\x"`, false}, {`"\u12"`, false}, {`"\u12g4"`, false}, {`"\ud800"`, false}, {`"\ud800\u0041"`, false}, {`"\udc00"`, false},
	{"\"\n\"", false}, {"\"\x00\"", false}, {"\"\x1f\"", false}, {"\"\xff\"", false}, {"\"\xc0\xaf\"", false}, {"\"\xed\xa0\x80\"", false}, {"\"\xf4\x90\x80\x80\"", false},
	{"\"\xe2\x82\"", false}, {"\"\xc3\"", false}, {"\"" + strings.Repeat("x", 100) + "\x01\"", false}, {"\"" + strings.Repeat("x", 100) + "\xff\"", false},
	{"\"" + strings.Repeat("x", 100) + `\q"`, false}, {`/**/1`, false}, {"\ufeff1", false}, {`1;`, false}, {"[1\f]", false}, {`"a" "b"`, false}, {`--1`, false}, {`1-1`, false},
}

func TestDocuments(t *testing.T) {
	p := NewParser(Limits{})
	var m Message
	for _, d := range documents {
		for pad := range 20 {
			if got := accepts(p, &m, wrap([]byte(d.doc), pad)); got != d.good {
				t.Errorf("%q at alignment %d: accepted %v, want %v (%v)", d.doc, pad, got, d.good, m.err.Error())
				break
			}
		}
		// Cut anywhere, a message is none.
		if whole := wrap([]byte(d.doc), 0); d.good {
			for i := range whole {
				if accepts(p, &m, whole[:i]) {
					t.Errorf("%q was accepted", whole[:i])
				} else if m.err.Code != CodeParse {
					t.Errorf("%q: code %d", whole[:i], m.err.Code)
				}
			}
		}
		// The library agrees, but for lone surrogates and ill-formed UTF-8.
		if want := json.Valid([]byte(d.doc)) && utf8.ValidString(d.doc) && !strings.Contains(d.doc, `\ud800"`) && !strings.Contains(d.doc, `\ud800\u0041`) && !strings.Contains(d.doc, `"\udc00`); want != d.good {
			t.Errorf("%q: the table says %v, encoding/json %v", d.doc, d.good, want)
		}
	}
}
