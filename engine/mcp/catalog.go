package mcp

import (
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/gannetmcp/gannet/codec"
	"github.com/gannetmcp/gannet/engine/registry"
)

// catalog holds the features of one kind by name, and the pages that list
// them, rendered when a list is asked for and something has changed since.
type catalog[F feature] struct {
	names  *registry.Names[F]
	member string // of the result that has the list
	cursor byte   // what cursors of this list begin with
	lists  [revisionCount]atomic.Pointer[pages]
	used   atomic.Bool // it is not empty, or was not
	change func()      // called after features have come or gone

	mu     sync.Mutex // protects serial, and changes of names
	serial uint64     // of the feature registered last
}

func (k *catalog[F]) init(member string, cursor byte, change func()) {
	k.names = registry.NewNames[F](registry.NamesOptions{})
	k.member, k.cursor, k.change = member, cursor, change
}

// add registers f under a name that is not taken.
func (k *catalog[F]) add(name string, f F, mw []func(Handler) Handler) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.serial++
	r := f.shared()
	r.serial, r.handler = k.serial, wrap(r.base, mw)
	if err := k.names.Register(name, f); err != nil {
		return err
	}
	k.used.Store(true)
	k.change()
	return nil
}

// remove reports whether there was a feature of that name.
func (k *catalog[F]) remove(name string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.names.Unregister(name) != nil {
		return false
	}
	k.change()
	return true
}

// rewrap puts other middleware around the features that are there. with copies
// one with another registration.
func (k *catalog[F]) rewrap(mw []func(Handler) Handler, with func(f F, r registration) F) {
	k.mu.Lock()
	defer k.mu.Unlock()
	entries, _ := k.names.Names()
	if len(entries) == 0 {
		return
	}
	err := k.names.Update(func(tx *registry.Tx[F]) error {
		for _, e := range entries {
			r := *e.Value.shared()
			r.handler = wrap(r.base, mw)
			if err := tx.Replace(e.Name(), with(e.Value, r)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		panic("mcp: Use: " + err.Error()) // mu keeps the names from changing
	}
}

// pages is the result of a list for one revision, page by page.
type pages struct {
	version uint64 // of the table
	last    uint64 // serial of the feature registered last
	pages   []page
}

type page struct {
	after  uint64 // serial of the last feature on the pages before
	result []byte
}

// list answers a list request ("Pagination").
//
// A cursor is the serial number of the last feature of the page before it. It
// stays good when features come and go: the list goes on behind that one, and
// may repeat some of those before, but leaves none out.
//
// Hot path while the features stay the same and lists are not filtered: no
// allocation.
func (k *catalog[F]) list(c *Call) error {
	after := uint64(0)
	if v, ok := c.engine.Params().Get("cursor"); ok {
		cursor, err := v.Bytes(c.engine.Arena())
		if err != nil {
			return errCursor
		}
		if len(cursor) > 0 { // an empty cursor is one, too
			if after, ok = k.parseCursor(cursor); !ok {
				return errCursor
			}
		}
	}
	if c.server.opts.ListFilter != nil {
		return k.listSlow(c, after)
	}
	l := k.lists[c.rev.index].Load()
	if l == nil || l.version != k.names.Version() {
		l = k.renderSlow(c.server, c.rev)
	}
	if after > l.last {
		return errCursor
	}
	c.engine.Result(l.page(after))
	return nil
}

// parseCursor reads a cursor as closePage writes it.
func (k *catalog[F]) parseCursor(b []byte) (after uint64, ok bool) {
	if len(b) < 2 || b[0] != k.cursor || b[1] == '0' {
		return 0, false
	}
	after, err := codec.RawValue(b[1:]).Uint64()
	return after, err == nil
}

// page returns the page that leaves out nothing behind the feature with the
// serial number after.
func (l *pages) page(after uint64) []byte {
	i := len(l.pages) - 1
	for i > 0 && l.pages[i].after > after {
		i--
	}
	return l.pages[i].result
}

func (k *catalog[F]) renderSlow(s *Server, rev *revision) *pages {
	k.mu.Lock()
	defer k.mu.Unlock()
	entries, version := k.names.Names()
	l := &pages{version: version, last: k.serial}
	size := s.opts.PageSize
	if size == 0 {
		size = max(1, len(entries))
	}
	after := uint64(0)
	for first := 0; first == 0 || first < len(entries); first += size {
		p := page{after: after}
		b := k.openPage()
		for i, e := range entries[first:min(first+size, len(entries))] {
			if i > 0 {
				b = append(b, ',')
			}
			b = e.Value.append(b, rev)
			after = e.Value.shared().serial
		}
		p.result = k.closePage(b, s, rev, after, first+size < len(entries))
		l.pages = append(l.pages, p)
	}
	k.lists[rev.index].Store(l)
	return l
}

// listSlow renders the page behind after for the one who asks.
func (k *catalog[F]) listSlow(c *Call, after uint64) error {
	k.mu.Lock()
	entries, _ := k.names.Names()
	last := k.serial
	k.mu.Unlock()
	if after > last {
		return errCursor
	}
	b := k.openPage()
	n, more := 0, false
	for _, e := range entries {
		r := e.Value.shared()
		if r.serial <= after || !c.server.opts.ListFilter(c, e.Name()) {
			continue
		}
		if size := c.server.opts.PageSize; size > 0 && n == size {
			more = true
			break
		}
		if n > 0 {
			b = append(b, ',')
		}
		n++
		b = e.Value.append(b, c.rev)
		last = r.serial
	}
	c.engine.Result(k.closePage(b, c.server, c.rev, last, more))
	return nil
}

func (k *catalog[F]) openPage() []byte { return []byte(`{"` + k.member + `":[`) }

// closePage ends a page whose last feature has the serial number last.
func (k *catalog[F]) closePage(b []byte, s *Server, rev *revision, last uint64, more bool) []byte {
	b = append(b, ']')
	if more {
		b = append(append(b, `,"nextCursor":"`...), k.cursor)
		b = append(strconv.AppendUint(b, last, 10), '"')
	}
	if rev.modern {
		return append(s.appendCaching(b), s.modernTail...)
	}
	return append(b, '}')
}
