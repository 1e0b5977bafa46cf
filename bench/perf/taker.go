package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime/pprof"
	"runtime/trace"
	"strconv"
	"time"
)

// Bounds of what is fetched of a server.
const (
	profileMargin = time.Second      // of load beyond the profiles
	fetchGrace    = 20 * time.Second // beyond the time that a profile takes
	maxFetch      = 1 << 30          // bytes of one
)

// A taker takes profiles of the server and of this process, which generates the
// load, into files. What cannot be had is missing, with the reason; the others
// are taken all the same. One goroutine uses it.
type taker struct {
	ctx        context.Context // ends it early
	dir, admin string
	files      []string
	missing    []string
	http       *http.Client
}

// client is for the server's pages: no proxy stands between.
func (t *taker) client() *http.Client {
	if t.http == nil {
		t.http = &http.Client{Transport: &http.Transport{}}
	}
	return t.http
}

// take has write fill a file, and counts it as taken or missing.
func (t *taker) take(name string, write func(io.Writer) error) {
	path := filepath.Join(t.dir, name)
	f, err := os.Create(path)
	if err == nil {
		err = errors.Join(write(f), f.Close())
	}
	if err != nil {
		_ = os.Remove(path) // fails where it was not made
		t.missing = append(t.missing, name+": "+err.Error())
		return
	}
	t.files = append(t.files, path)
}

// fetch takes a page of the server; d is how long it takes to make.
func (t *taker) fetch(name, page string, d time.Duration) {
	t.take(name, func(w io.Writer) error {
		c := *t.client()
		c.Timeout = d + fetchGrace
		r, err := http.NewRequestWithContext(t.ctx, http.MethodGet, t.admin+"/debug/pprof/"+page, nil)
		if err != nil {
			return err
		}
		res, err := c.Do(r)
		if err != nil {
			return err
		}
		defer func() { _ = res.Body.Close() }()
		if res.StatusCode != http.StatusOK {
			return fmt.Errorf("%s/debug/pprof/%s: %s", t.admin, page, res.Status)
		}
		n, err := io.Copy(w, io.LimitReader(res.Body, maxFetch+1))
		if err == nil && n > maxFetch {
			err = fmt.Errorf("more than %d bytes", int64(maxFetch))
		}
		return err
	})
}

// sleep returns early when it is all over.
func (t *taker) sleep(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-t.ctx.Done():
	}
}

// cpu takes CPU profiles of both sides at once, for whole seconds.
func (t *taker) cpu(d time.Duration) {
	d = d.Truncate(time.Second)
	t.take("generator.cpu.prof", func(w io.Writer) error {
		if err := pprof.StartCPUProfile(w); err != nil {
			return err
		}
		begun := time.Now()
		t.fetch("server.cpu.prof", "profile?seconds="+strconv.Itoa(int(d/time.Second)), d)
		t.sleep(d - time.Since(begun)) // a server without profiles answers at once
		pprof.StopCPUProfile()
		return nil
	})
}

// trace takes execution traces of both sides at once.
func (t *taker) trace(d time.Duration) {
	if d <= 0 {
		return
	}
	t.take("generator.trace", func(w io.Writer) error {
		if err := trace.Start(w); err != nil {
			return err
		}
		begun := time.Now()
		t.fetch("server.trace", "trace?seconds="+strconv.FormatFloat(d.Seconds(), 'f', 3, 64), d)
		t.sleep(d - time.Since(begun))
		trace.Stop()
		return nil
	})
}

// lookups takes what both sides have gathered since their start.
func (t *taker) lookups() {
	for _, name := range []string{"allocs", "heap", "mutex", "block"} {
		page := name
		if name == "heap" {
			page += "?gc=1"
		}
		t.fetch("server."+name+".prof", page, 0)
		t.take("generator."+name+".prof", func(w io.Writer) error { return pprof.Lookup(name).WriteTo(w, 0) })
	}
}
