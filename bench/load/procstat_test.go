package load

import (
	"reflect"
	"strings"
	"testing"
)

const statLine = `4711 (a) b (c) R 1 4711 4711 0 -1 4194560 2466 0 1 0 150 250 3 4 20 0 6 0 1789 1300000768 2200 18446744073709551615 1 1 0 0 0 0 0 0 2143420159 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0` + "\n"

func TestParseStat(t *testing.T) {
	for _, c := range []struct {
		name, in     string
		user, system float64
		ok           bool
	}{
		{"name with parentheses", statLine, 1.5, 2.5, true},
		{"plain name", "1 (x) S 0 0 0 0 0 0 0 0 0 0 7 0", 0.07, 0, true},
		{"just too short", "1 (x) S 0 0 0 0 0 0 0 0 0 0 7", 0, 0, false},
		{"empty", "", 0, 0, false},
		{"no name", "1 x S 0 0 0 0 0 0 0 0 0 0 7 0", 0, 0, false},
		{"negative", "1 (x) S 0 0 0 0 0 0 0 0 0 0 -7 0", 0, 0, false},
		{"no number", "1 (x) S 0 0 0 0 0 0 0 0 0 0 7 y", 0, 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			u, s, err := parseStat(c.in)
			if u != c.user || s != c.system || (err == nil) != c.ok {
				t.Errorf("got %v, %v, %v; want %v, %v, ok %v", u, s, err, c.user, c.system, c.ok)
			}
		})
	}
}

func TestParseStatus(t *testing.T) {
	const in = "Name:\tx\nVmHWM:\t   99 kB\nVmRSS:\t    1500 kB\nThreads:\t3\nBad:\t-3\nBad2:\t3 MB\nBad3:\nBad4:\t1 2 3\nvoluntary_ctxt_switches:\t42\nnonvoluntary_ctxt_switches:\t7\n"
	for _, c := range []struct {
		key  string
		want int64
		ok   bool
	}{
		{"VmRSS", 1500 << 10, true},
		{"voluntary_ctxt_switches", 42, true},
		{"Threads", 3, true},
		{"Absent", 0, false},
		{"", 0, false},
		{"Name", 0, false},
		{"Bad", 0, false},
		{"Bad2", 0, false},
		{"Bad3", 0, false},
		{"Bad4", 0, false},
	} {
		got, err := parseStatus(in, c.key)
		if got != c.want || (err == nil) != c.ok {
			t.Errorf("%s: got %d, %v; want %d, ok %v", c.key, got, err, c.want, c.ok)
		}
	}
}

func TestParseSchedstat(t *testing.T) {
	for _, c := range []struct {
		in               string
		running, waiting float64
		ok               bool
	}{
		{"1500000000 250000000 7\n", 1.5, 0.25, true},
		{"0 0 0", 0, 0, true},
		{"", 0, 0, false},
		{"1 2", 0, 0, false},
		{"1 2 3 4", 0, 0, false},
		{"-1 2 3", 0, 0, false},
		{"1 x 3", 0, 0, false},
	} {
		r, w, err := parseSchedstat(c.in)
		if r != c.running || w != c.waiting || (err == nil) != c.ok {
			t.Errorf("%q: got %v, %v, %v", c.in, r, w, err)
		}
	}
}

func TestErrorsString(t *testing.T) {
	e := Errors{Lost: 3, Closed: 1}
	if got := e.String(); got != "closed 1, lost 3" || e.Total() != 4 {
		t.Errorf("got %q, total %d", got, e.Total())
	}
	if got := (&Errors{}).String(); got != "none" {
		t.Errorf("got %q of no errors", got)
	}
	var all, two Errors
	kinds := reflect.TypeFor[Errors]().NumField()
	for i := range kinds {
		reflect.ValueOf(&all).Elem().Field(i).SetInt(1)
		reflect.ValueOf(&two).Elem().Field(i).SetInt(2)
	}
	twice := all
	if twice.Add(&all); twice != two {
		t.Errorf("a sum lacks a kind: %s", &twice)
	}
	if all.Total() != int64(kinds) || strings.Count(all.String(), " 1") != kinds {
		t.Errorf("a kind is missing: %s", &all)
	}
}
