package plot

import (
	"encoding/xml"
	"io"
	"math"
	"strings"
	"testing"
)

func TestWriteSVG(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		name  string
		chart Chart
		want  []string
		not   string
	}{
		{"nothing", Chart{Title: "t"}, []string{"nothing was measured"}, "<polyline"},
		{"one point", Chart{Series: []Series{{"a", []float64{1}, []float64{2}}}}, []string{`data-name="a"`, "<circle"}, ""},
		{"escapes", Chart{Title: "<b>", Series: []Series{{`"x"`, []float64{1, 2}, []float64{2, 3}}}}, []string{"&lt;b&gt;", "&#34;x&#34;"}, "<b>"},
		{"not a number", Chart{Series: []Series{{"a", []float64{1, 2, 3}, []float64{2, nan, 4}}}}, []string{`points="80.0`}, "NaN"},
		{"logarithm of nothing", Chart{LogY: true, Series: []Series{{"a", []float64{1, 2, 3}, []float64{0, 10, 100}}}}, []string{">10<", ">100<"}, "Inf"},
		{"mark", Chart{Series: []Series{{"a", []float64{1, 2}, []float64{2, 3}}}, Marks: []Mark{{"goal", 1e6}}}, []string{`class="mark"`, "goal", ">1M<"}, ""},
		{"flat", Chart{Series: []Series{{"a", []float64{5, 5}, []float64{0, 0}}}}, []string{"<polyline"}, "NaN"},
	} {
		var b strings.Builder
		if err := c.chart.WriteSVG(&b); err != nil {
			t.Fatal(err)
		}
		for _, w := range c.want {
			if !strings.Contains(b.String(), w) {
				t.Errorf("%s: lacks %s:\n%s", c.name, w, &b)
			}
		}
		if c.not != "" && strings.Contains(b.String(), c.not) {
			t.Errorf("%s: has %s", c.name, c.not)
		}
		for d := xml.NewDecoder(strings.NewReader(b.String())); ; {
			if _, err := d.Token(); err == io.EOF {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
		}
	}
}
