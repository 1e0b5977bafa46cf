package registry

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
)

// Every name is found, and no other, whatever the names have in common.
func TestNamesLookup(t *testing.T) {
	shapes := []struct {
		name  string
		of    func(i int) string
		keyed bool // whether the cheap hash must give way for many
	}{
		{"numbered", func(i int) string { return fmt.Sprintf("tool_%04d", i) }, false},
		{"same ends", func(i int) string { return fmt.Sprintf("prefix__%04d__suffix", i) }, true},
		{"short", func(i int) string { return fmt.Sprint(i) }, false},
		{"empty and long", func(i int) string { return strings.Repeat("x", i%300) + fmt.Sprint(i) }, false},
	}
	for _, shape := range shapes {
		for _, n := range []int{0, 1, 6, 7, 8, 14, 15, 200, 1000} {
			t.Run(fmt.Sprintf("%s/%d", shape.name, n), func(t *testing.T) {
				names := NewNames[int](NamesOptions{})
				err := names.Update(func(tx *Tx[int]) error {
					for i := range n {
						if err := tx.Register(shape.of(i), i); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
				for i := range n {
					e := names.Lookup([]byte(shape.of(i)))
					if e == nil || e.Value != i || e.Name() != shape.of(i) {
						t.Fatalf("%q: %+v", shape.of(i), e)
					}
				}
				for _, absent := range []string{"", "tool_", "tool_99999", "prefix__9999x__suffix", shape.of(n), shape.of(n) + "\x00"} {
					if e := names.LookupString(absent); e != nil {
						t.Fatalf("%q is found: %+v", absent, e)
					}
				}
				if names.Len() != n {
					t.Errorf("Len %d, want %d", names.Len(), n)
				}
				if s := names.snap.Load(); n >= 200 && s.keyed != shape.keyed {
					t.Errorf("keyed %v, want %v", s.keyed, shape.keyed)
				}
			})
		}
	}
}

func TestNamesChanges(t *testing.T) {
	names := NewNames[int](NamesOptions{MaxNames: 2, MaxNameSize: 5})
	for _, tc := range []struct {
		what string
		do   func() error
		want error
		left string
	}{
		{"register", func() error { return names.Register("b", 1) }, nil, "b=1"},
		{"again", func() error { return names.Register("b", 2) }, ErrExists, "b=1"},
		{"too long", func() error { return names.Register("123456", 2) }, ErrNameTooLong, "b=1"},
		{"second", func() error { return names.Register("a", 2) }, nil, "b=1 a=2"},
		{"one too many", func() error { return names.Register("c", 3) }, ErrFull, "b=1 a=2"},
		{"replace", func() error { return names.Replace("b", 9) }, nil, "b=9 a=2"},
		{"replace what is not there", func() error { return names.Replace("x", 9) }, ErrNotFound, "b=9 a=2"},
		{"unregister", func() error { return names.Unregister("b") }, nil, "a=2"},
		{"unregister again", func() error { return names.Unregister("b") }, ErrNotFound, "a=2"},
		{"back at the end", func() error { return names.Register("b", 5) }, nil, "a=2 b=5"},
		{"all or nothing", func() error {
			return names.Update(func(tx *Tx[int]) error {
				_ = tx.Unregister("a")
				return tx.Replace("x", 0)
			})
		}, ErrNotFound, "a=2 b=5"},
		{"swap in one change", func() error {
			return names.Update(func(tx *Tx[int]) error {
				return errors.Join(tx.Unregister("a"), tx.Register("c", 3))
			})
		}, nil, "b=5 c=3"},
	} {
		before := names.Version()
		if err := tc.do(); !errors.Is(err, tc.want) || (err == nil) != (tc.want == nil) {
			t.Errorf("%s: %v, want %v", tc.what, err, tc.want)
		}
		entries, version := names.Names()
		var got []string
		for _, e := range entries {
			got = append(got, fmt.Sprintf("%s=%d", e.Name(), e.Value))
		}
		if s := strings.Join(got, " "); s != tc.left {
			t.Errorf("%s: %s, want %s", tc.what, s, tc.left)
		}
		if (version != before) != (tc.want == nil) {
			t.Errorf("%s: version %d after %d", tc.what, version, before)
		}
	}
}

// A name that stays is found by readers at any moment, whatever else changes.
func TestNamesConcurrent(t *testing.T) {
	names := NewNames[int](NamesOptions{})
	if err := names.Register("stays", 42); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if e := names.LookupString("stays"); e == nil || e.Value != 42 {
					t.Errorf("missed: %+v", e)
					return
				}
			}
		})
	}
	for i := range 2000 {
		name := fmt.Sprint("goes", i%50)
		if i/50%2 == 0 {
			_ = names.Register(name, i)
		} else {
			_ = names.Unregister(name)
		}
	}
	close(done)
	wg.Wait()
}
