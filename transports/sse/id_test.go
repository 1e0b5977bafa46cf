package sse

import (
	"math"
	"strings"
	"testing"
)

func TestStream(t *testing.T) {
	for _, tc := range []struct {
		in  string
		err error
	}{
		{"a", nil},
		{"_", nil},
		{"a_1", nil},
		{"!~", nil},
		{strings.Repeat("x", MaxStreamBytes), nil},
		{"", ErrIDMalformed},
		{strings.Repeat("x", MaxStreamBytes+1), ErrIDTooLong},
		{"a b", ErrIDMalformed},
		{"a\n", ErrIDMalformed},
		{"a\x00", ErrIDMalformed},
		{"\x7f", ErrIDMalformed},
		{"é", ErrIDMalformed},
	} {
		s, err := ParseStream([]byte(tc.in))
		if err != tc.err {
			t.Errorf("%q: %v, want %v", tc.in, err, tc.err)
			continue
		}
		if err != nil {
			if s != (Stream{}) {
				t.Errorf("%q: a stream beside the error", tc.in)
			}
			continue
		}
		for _, seq := range []uint64{0, 1, 9, 10, math.MaxUint64} {
			id := s.AppendID([]byte("x"), seq)[1:]
			name, n, err := ParseID(id)
			if again, err2 := ParseStream(name); err != nil || err2 != nil || again != s || s.String() != tc.in || n != seq || len(id) > MaxIDBytes {
				t.Errorf("%q, %d: %q, %d, %v", tc.in, seq, name, n, err)
			}
			if line := s.AppendIDLine(nil, seq); string(line) != "id: "+string(id)+"\n" {
				t.Errorf("line %q", line)
			}
		}
	}
	if !panics(func() { new(Stream).AppendID(nil, 1) }) {
		t.Error("the zero Stream has an id")
	}
}

func TestParseID(t *testing.T) {
	long := strings.Repeat("x", MaxStreamBytes)
	for _, tc := range []struct {
		in, stream string
		seq        uint64
		err        error
	}{
		{"a_0", "a", 0, nil},
		{"a_7", "a", 7, nil},
		{"a__7", "a_", 7, nil},
		{"a_1_7", "a_1", 7, nil},
		{"__1", "_", 1, nil},
		{"s_18446744073709551615", "s", math.MaxUint64, nil},
		{long + "_18446744073709551615", long, math.MaxUint64, nil},

		{in: "", err: ErrIDMalformed},
		{in: "_", err: ErrIDMalformed},
		{in: "_1", err: ErrIDMalformed},
		{in: "a", err: ErrIDMalformed},
		{in: "a_", err: ErrIDMalformed},
		{in: "7", err: ErrIDMalformed},
		{in: "a_00", err: ErrIDMalformed},
		{in: "a_07", err: ErrIDMalformed},
		{in: "a_-1", err: ErrIDMalformed},
		{in: "a_+1", err: ErrIDMalformed},
		{in: "a_1 ", err: ErrIDMalformed},
		{in: " a_1", err: ErrIDMalformed},
		{in: "a b_1", err: ErrIDMalformed},
		{in: "a\x00_1", err: ErrIDMalformed},
		{in: "é_1", err: ErrIDMalformed},
		{in: "a_1x", err: ErrIDMalformed},
		{in: "a_0x1", err: ErrIDMalformed},
		{in: "a_1e3", err: ErrIDMalformed},
		{in: "a_٣", err: ErrIDMalformed},
		{in: "a_18446744073709551616", err: ErrIDMalformed},
		{in: "a_99999999999999999999999", err: ErrIDMalformed},
		{in: long + "x_1", err: ErrIDTooLong},
		{in: long + "_118446744073709551615", err: ErrIDTooLong},
		{in: strings.Repeat("9", 1<<20), err: ErrIDTooLong},
	} {
		stream, seq, err := ParseID([]byte(tc.in))
		if string(stream) != tc.stream || seq != tc.seq || err != tc.err {
			t.Errorf("%.40q: %q, %d, %v; want %q, %d, %v", tc.in, stream, seq, err, tc.stream, tc.seq, tc.err)
		}
	}
}
