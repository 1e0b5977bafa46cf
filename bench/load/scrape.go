package load

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Names in the pages of servers written in Go, those of Prometheus's Go
// collector.
const (
	pageMallocs    = "go_memstats_mallocs_total"
	pageAllocBytes = "go_memstats_alloc_bytes_total"
	pagePauses     = "go_gc_duration_seconds_sum"
	pageCycles     = "go_gc_duration_seconds_count"
)

// Limits of a page.
const (
	pageTimeout = 5 * time.Second
	pageMax     = 8 << 20
)

// A heap is what a server's page says of its memory, since it started.
type heap struct {
	mallocs, bytes float64
	pauses         float64 // s
	cycles         float64
}

func (h heap) minus(o heap) heap {
	return heap{h.mallocs - o.mallocs, h.bytes - o.bytes, h.pauses - o.pauses, h.cycles - o.cycles}
}

// A scraper reads the page of a server's metrics. nil reads nothing.
type scraper struct {
	url    string
	client *http.Client
	cost   heap // of being read once
}

// newScraper reads the page twice: what lies between is what reading costs, which
// is not the load's.
func newScraper(url string) (*scraper, error) {
	if url == "" {
		return nil, nil
	}
	s := &scraper{url: url, client: &http.Client{Timeout: pageTimeout}}
	var read [3]heap
	for i := range read { // the first opens the connection
		var err error
		if read[i], err = s.read(); err != nil {
			return nil, fmt.Errorf("metrics of the server: %w", err)
		}
	}
	s.cost = read[2].minus(read[1])
	return s, nil
}

// HasHeap says whether a page is one that Options.MetricsURL takes: there is one,
// and it has the names of a Go server.
func HasHeap(url string) bool {
	s, err := newScraper(url)
	s.close()
	return s != nil && err == nil
}

// WatchHeap reads a server's page, for who loads it with another generator. end reads
// it again and says what lies between, for so many messages; it is called once.
func WatchHeap(url string) (end func(messages int64) (*HeapUse, error), err error) {
	s, err := newScraper(url)
	if err != nil {
		return nil, err
	}
	if s == nil {
		return nil, usagef("metrics: a URL is needed")
	}
	before, err := s.read()
	if err != nil {
		s.close()
		return nil, err
	}
	return func(messages int64) (*HeapUse, error) {
		defer s.close()
		after, err := s.read()
		if err != nil {
			return nil, err
		}
		return s.use(before, after, messages), nil
	}, nil
}

// read reads the page.
func (s *scraper) read() (heap, error) {
	r, err := s.client.Get(s.url)
	if err != nil {
		return heap{}, err
	}
	defer func() { _ = r.Body.Close() }()
	if r.StatusCode != http.StatusOK {
		return heap{}, fmt.Errorf("%s: %s", s.url, r.Status)
	}
	h, err := parseHeap(io.LimitReader(r.Body, pageMax))
	if err != nil {
		return heap{}, fmt.Errorf("%s: %w", s.url, err)
	}
	return h, nil
}

// parseHeap reads the text format of Prometheus, of which only lines without
// labels matter here.
func parseHeap(r io.Reader) (h heap, err error) {
	wanted := map[string]*float64{pageMallocs: &h.mallocs, pageAllocBytes: &h.bytes, pagePauses: &h.pauses, pageCycles: &h.cycles}
	in := bufio.NewScanner(r)
	for in.Scan() {
		name, value, _ := strings.Cut(in.Text(), " ")
		into, ok := wanted[name]
		if !ok {
			continue
		}
		if *into, err = strconv.ParseFloat(strings.TrimSpace(value), 64); err != nil {
			return heap{}, fmt.Errorf("%s: %w", name, err)
		}
		delete(wanted, name)
	}
	if err := in.Err(); err != nil {
		return heap{}, err
	}
	for name := range wanted {
		return heap{}, fmt.Errorf("no %s in it: it is not the page of a Go server", name)
	}
	return h, nil
}

// close lets go of the connection.
func (s *scraper) close() {
	if s != nil {
		s.client.CloseIdleConnections()
	}
}

// HeapUse is what a server did with its memory in the measured time, as its own
// page of metrics says.
type HeapUse struct {
	Allocs     int64   `json:"allocs"`      // objects
	AllocBytes int64   `json:"alloc_bytes"` // of these
	Cycles     int64   `json:"gc_cycles"`
	Pauses     float64 `json:"gc_pauses_s"` // of all cycles together
	PerMessage float64 `json:"allocs_per_message"`
}

// use is what lies between two readings, without what the second one cost.
func (s *scraper) use(before, after heap, messages int64) *HeapUse {
	d := after.minus(before)
	u := &HeapUse{Allocs: max(int64(d.mallocs-s.cost.mallocs), 0), AllocBytes: max(int64(d.bytes-s.cost.bytes), 0), Cycles: int64(d.cycles), Pauses: max(d.pauses, 0)}
	if messages > 0 {
		u.PerMessage = float64(u.Allocs) / float64(messages)
	}
	return u
}
