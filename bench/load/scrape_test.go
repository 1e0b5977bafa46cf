package load

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

func TestParseHeap(t *testing.T) {
	good := "# HELP go_memstats_mallocs_total x\ngo_memstats_mallocs_total 1.5e+06\n" +
		"go_memstats_alloc_bytes_total 12\ngo_gc_duration_seconds{quantile=\"1\"} 9\ngo_gc_duration_seconds_sum 0.25\ngo_gc_duration_seconds_count 7\nother 1\n"
	h, err := parseHeap(strings.NewReader(good))
	if err != nil || (h != heap{1.5e6, 12, 0.25, 7}) {
		t.Errorf("%+v %v", h, err)
	}
	for name, bad := range map[string]string{
		"nothing":            "",
		"another server":     "process_cpu_seconds_total 1\n",
		"one is missing":     strings.Replace(good, "go_gc_duration_seconds_sum", "go_gc", 1),
		"a word":             strings.Replace(good, "1.5e+06", "many", 1),
		"no value":           strings.Replace(good, "1.5e+06", "", 1),
		"a line without end": good[:40] + strings.Repeat("x", 1<<17),
		"HTML":               "<html><body>not found</body></html>",
	} {
		if h, err := parseHeap(strings.NewReader(bad)); err == nil {
			t.Errorf("%s: %+v", name, h)
		}
	}
}

// What reading the page costs the server is taken off.
func TestScraper(t *testing.T) {
	var reads, load atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n := reads.Add(1)*100 + load.Load()
		fmt.Fprintf(w, "%s %d\n%s %d\n%s 0.5\n%s %d\n", pageMallocs, n, pageAllocBytes, n*16, pagePauses, pageCycles, load.Load()/1000)
	}))
	defer srv.Close()
	s, err := newScraper(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	before, err := s.read()
	if err != nil {
		t.Fatal(err)
	}
	load.Store(2000)
	after, err := s.read()
	if err != nil {
		t.Fatal(err)
	}
	if u := s.use(before, after, 500); *u != (HeapUse{Allocs: 2000, AllocBytes: 32_000, Cycles: 2, PerMessage: 4}) {
		t.Errorf("%+v", u)
	}
	if u := s.use(after, after, 0); u.Allocs != 0 || u.PerMessage != 0 {
		t.Errorf("nothing in between: %+v", u)
	}
	gone := httptest.NewServer(http.NotFoundHandler())
	defer gone.Close()
	if _, err := newScraper(gone.URL); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("no page: %v", err)
	}
	if !HasHeap(srv.URL) || HasHeap(gone.URL) || HasHeap("") || HasHeap("http://127.0.0.1:1/") {
		t.Error("HasHeap is wrong")
	}
	if s, err := newScraper(""); s != nil || err != nil {
		t.Errorf("no URL: %v %v", s, err)
	}
}
