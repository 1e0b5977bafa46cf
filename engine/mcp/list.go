package mcp

import (
	"strconv"

	"github.com/gannetmcp/gannet/codec"
)

// toolList is the result of tools/list for one revision, page by page. It is
// rendered when a list is asked for and the tools have changed since.
type toolList struct {
	version uint64 // of the table
	last    uint64 // serial of the tool registered last
	pages   []toolPage
}

type toolPage struct {
	after  uint64 // serial of the last tool on the pages before
	result []byte
}

// A cursor is the serial number of the last tool of the page before it. It
// stays good when tools come and go: the list goes on behind that tool, and
// may repeat some of the tools before, but leaves none out.
const cursorPrefix = "t"

// listTools answers tools/list ("Listing Tools").
//
// Hot path while the tools stay the same: no allocation.
func listTools(c *Call) error {
	after := uint64(0)
	if v, ok := c.engine.Params().Get("cursor"); ok {
		cursor, err := v.Bytes(c.engine.Arena())
		if err != nil {
			return errCursor
		}
		if len(cursor) > 0 { // an empty cursor is one, too
			if after, ok = parseCursor(cursor); !ok {
				return errCursor
			}
		}
	}
	l := c.server.toolList(c.rev)
	if after > l.last {
		return errCursor
	}
	c.engine.Result(l.page(after))
	return nil
}

// parseCursor reads a cursor as renderToolsSlow writes it.
func parseCursor(b []byte) (after uint64, ok bool) {
	if len(b) < 2 || string(b[:1]) != cursorPrefix || b[1] == '0' {
		return 0, false
	}
	after, err := codec.RawValue(b[1:]).Uint64()
	return after, err == nil
}

// toolList returns the list as clients of the revision see it.
func (s *Server) toolList(rev *revision) *toolList {
	l := s.lists[rev.index].Load()
	if l == nil || l.version != s.tools.Version() {
		l = s.renderToolsSlow(rev)
	}
	return l
}

// page returns the page that leaves out no tool behind the one with the serial
// number after.
func (l *toolList) page(after uint64) []byte {
	i := len(l.pages) - 1
	for i > 0 && l.pages[i].after > after {
		i--
	}
	return l.pages[i].result
}

func (s *Server) renderToolsSlow(rev *revision) *toolList {
	s.mu.Lock()
	defer s.mu.Unlock()
	entries, version := s.tools.Names()
	l := &toolList{version: version, last: s.serial}
	size := s.opts.PageSize
	if size == 0 {
		size = max(1, len(entries))
	}
	after := uint64(0)
	for first := 0; first == 0 || first < len(entries); first += size {
		page := entries[first:min(first+size, len(entries))]
		b := []byte(`{"tools":[`)
		for i, e := range page {
			if i > 0 {
				b = append(b, ',')
			}
			b = e.Value.append(b, rev)
		}
		b = append(b, ']')
		p := toolPage{after: after}
		if first+size < len(entries) {
			after = page[len(page)-1].Value.serial
			b = strconv.AppendUint(append(b, `,"nextCursor":"`+cursorPrefix...), after, 10)
			b = append(b, '"')
		}
		if rev.modern {
			b = append(s.appendCaching(b), s.modernTail...)
		} else {
			b = append(b, '}')
		}
		p.result = b
		l.pages = append(l.pages, p)
	}
	s.lists[rev.index].Store(l)
	return l
}

// append appends the tool as clients of the revision see it.
func (t *tool) append(b []byte, rev *revision) []byte {
	b = codec.AppendString(append(b, `{"name":`...), t.Name)
	if rev.titles && t.Title != "" {
		b = codec.AppendString(append(b, `,"title":`...), t.Title)
	}
	if t.Description != "" {
		b = codec.AppendString(append(b, `,"description":`...), t.Description)
	}
	b = append(append(b, `,"inputSchema":`...), t.InputSchema...)
	if rev.structured && t.OutputSchema != nil && (rev.anyOutput || t.objects) {
		b = append(append(b, `,"outputSchema":`...), t.OutputSchema...)
	}
	if rev.annotations && t.Annotations != nil {
		b = t.Annotations.append(append(b, `,"annotations":`...))
	}
	if rev.icons && t.Icons != nil {
		b = append(append(b, `,"icons":`...), t.Icons...)
	}
	if rev.toolMeta && t.Meta != nil {
		b = append(append(b, `,"_meta":`...), t.Meta...)
	}
	return append(b, '}')
}

func (a *ToolAnnotations) append(b []byte) []byte {
	b = append(b, '{')
	if a.Title != "" {
		b = codec.AppendString(append(b, `"title":`...), a.Title)
	}
	for _, h := range []struct {
		name  string
		value *bool
	}{
		{"readOnlyHint", a.ReadOnlyHint},
		{"destructiveHint", a.DestructiveHint},
		{"idempotentHint", a.IdempotentHint},
		{"openWorldHint", a.OpenWorldHint},
	} {
		if h.value == nil {
			continue
		}
		if b[len(b)-1] != '{' {
			b = append(b, ',')
		}
		b = codec.AppendBool(append(append(append(b, '"'), h.name...), `":`...), *h.value)
	}
	return append(b, '}')
}
