// Package plot draws line charts as SVG, which stand by themselves in an HTML
// page: no script, no font, no style from elsewhere.
package plot

import (
	"fmt"
	"html"
	"io"
	"math"
	"strings"
)

// A Series is one line of a chart. X and Y have one length; points that are no
// numbers are left out.
type Series struct {
	Name string
	X, Y []float64
}

// A Mark is a level drawn across a chart, with its name.
type Mark struct {
	Name string
	Y    float64
}

// A Chart is drawn by WriteSVG.
type Chart struct {
	Title, XLabel, YLabel string
	Series                []Series
	Marks                 []Mark
	// LogX and LogY give a logarithmic axis, on which values of 0 and less are
	// left out.
	LogX, LogY bool
	// Ticks are the labels of the X axis by value; nil chooses some.
	Ticks map[float64]string
}

// Sizes in pixels.
const (
	width, height           = 860, 340
	left, right, top, below = 80, 20, 34, 46
)

var colours = []string{"#1b6ca8", "#c0392b", "#1e8449", "#8e44ad", "#b9770e", "#117a65", "#5d6d7e", "#a93226"}

// An axis maps values to pixels.
type axis struct {
	least, most float64
	from, to    float64
	log         bool
}

func (a *axis) take(v float64) {
	if a.fits(v) {
		a.least, a.most = min(a.least, v), max(a.most, v)
	}
}

func (a *axis) fits(v float64) bool {
	return !math.IsNaN(v) && !math.IsInf(v, 0) && (!a.log || v > 0)
}

func (a *axis) at(v float64) float64 {
	lo, hi := a.least, a.most
	if a.log {
		lo, hi, v = math.Log10(lo), math.Log10(hi), math.Log10(v)
	}
	if hi == lo {
		return (a.from + a.to) / 2
	}
	return a.from + (v-lo)/(hi-lo)*(a.to-a.from)
}

// ticks are round values inside of the axis: powers of ten, or steps of 1, 2 or 5.
func (a *axis) ticks() (at []float64) {
	if a.log {
		for e := math.Floor(math.Log10(a.least)); e <= math.Ceil(math.Log10(a.most)); e++ {
			if v := math.Pow(10, e); v >= a.least*0.999 && v <= a.most*1.001 {
				at = append(at, v)
			}
		}
		return at
	}
	span := a.most - a.least
	if span <= 0 {
		return []float64{a.least}
	}
	step := math.Pow(10, math.Floor(math.Log10(span/5)))
	for _, f := range []float64{1, 2, 5, 10} {
		if span/(step*f) <= 6 {
			step *= f
			break
		}
	}
	for v := math.Ceil(a.least/step) * step; v <= a.most*1.0001; v += step {
		at = append(at, v)
	}
	return at
}

// WriteSVG draws the chart. Each series is a polyline whose data-name is its
// name, with one point for each that fits.
func (c *Chart) WriteSVG(w io.Writer) error {
	x := axis{math.Inf(1), math.Inf(-1), left, width - right, c.LogX}
	y := axis{math.Inf(1), math.Inf(-1), height - below, top, c.LogY}
	if !c.LogY {
		y.take(0)
	}
	for _, s := range c.Series {
		for i := range min(len(s.X), len(s.Y)) {
			if x.fits(s.X[i]) && y.fits(s.Y[i]) {
				x.take(s.X[i])
				y.take(s.Y[i])
			}
		}
	}
	for _, m := range c.Marks {
		y.take(m.Y)
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" font-family="sans-serif" font-size="12">`+"\n", width, height, width, height)
	fmt.Fprintf(&b, `<text x="%d" y="18" font-size="14" font-weight="bold">%s</text>`+"\n", left, html.EscapeString(c.Title))
	if x.least > x.most || y.least > y.most {
		fmt.Fprintf(&b, `<text x="%d" y="%d">nothing was measured</text></svg>`+"\n", left, height/2)
		_, err := io.WriteString(w, b.String())
		return err
	}
	fmt.Fprintf(&b, `<path d="M%d %d V%d H%d" fill="none" stroke="#333"/>`+"\n", left, top, height-below, width-right)
	for _, v := range y.ticks() {
		fmt.Fprintf(&b, `<path d="M%d %.1f H%d" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end">%s</text>`+"\n", left, y.at(v), width-right, left-6, y.at(v)+4, short(v))
	}
	labels := c.Ticks
	if labels == nil {
		labels = map[float64]string{}
		for _, v := range x.ticks() {
			labels[v] = short(v)
		}
	}
	for v, text := range labels {
		if x.fits(v) && v >= x.least && v <= x.most {
			fmt.Fprintf(&b, `<text x="%.1f" y="%d" text-anchor="middle">%s</text>`+"\n", x.at(v), height-below+16, html.EscapeString(text))
		}
	}
	fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="middle">%s</text>`+"\n", (left+width-right)/2, height-8, html.EscapeString(c.XLabel))
	fmt.Fprintf(&b, `<text transform="rotate(-90 14 %d)" x="14" y="%d" text-anchor="middle">%s</text>`+"\n", height/2, height/2, html.EscapeString(c.YLabel))
	for _, m := range c.Marks {
		fmt.Fprintf(&b, `<path class="mark" d="M%d %.1f H%d" stroke="#777" stroke-dasharray="5 4"/><text x="%d" y="%.1f" text-anchor="end" fill="#555">%s</text>`+"\n",
			left, y.at(m.Y), width-right, width-right, y.at(m.Y)-4, html.EscapeString(m.Name))
	}
	for i, s := range c.Series {
		colour := colours[i%len(colours)]
		var points []string
		for k := range min(len(s.X), len(s.Y)) {
			if x.fits(s.X[k]) && y.fits(s.Y[k]) {
				points = append(points, fmt.Sprintf("%.1f,%.1f", x.at(s.X[k]), y.at(s.Y[k])))
			}
		}
		fmt.Fprintf(&b, `<polyline data-name="%s" fill="none" stroke="%s" stroke-width="1.6" points="%s"/>`+"\n", html.EscapeString(s.Name), colour, strings.Join(points, " "))
		if len(points) == 1 {
			fmt.Fprintf(&b, `<circle cx="%s" cy="%s" r="3" fill="%s"/>`+"\n", strings.Split(points[0], ",")[0], strings.Split(points[0], ",")[1], colour)
		}
		fmt.Fprintf(&b, `<text x="%d" y="%d" fill="%s">%s</text>`+"\n", left+10, top+14+15*i, colour, html.EscapeString(s.Name))
	}
	b.WriteString("</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// short writes a value in few characters: 1.5k, 20M.
func short(v float64) string {
	for _, u := range []struct {
		size float64
		name string
	}{{1e9, "G"}, {1e6, "M"}, {1e3, "k"}} {
		if math.Abs(v) >= u.size {
			return fmt.Sprintf("%.4g%s", v/u.size, u.name)
		}
	}
	return fmt.Sprintf("%.4g", v)
}
