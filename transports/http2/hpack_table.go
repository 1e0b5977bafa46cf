package http2

import "github.com/gannetmcp/gannet/ringbuf"

// tableMax is the size in bytes of the dynamic table that peers may use, the
// value of SETTINGS_HEADER_TABLE_SIZE where nothing is said (RFC 9113 §6.5.2).
const tableMax = 4096

// entryCost is what an entry counts beside its name and value (RFC 7541 §4.1),
// and a field in the size of a list (RFC 9113 §6.5.2).
const entryCost = 32

// entriesMax is how many entries a table can have.
const entriesMax = tableMax / entryCost

// staticTable is the entries that everybody has (RFC 7541, appendix A), from 1.
var staticTable = [...]struct{ name, value string }{
	1: {":authority", ""}, {":method", "GET"}, {":method", "POST"}, {":path", "/"}, {":path", "/index.html"},
	{":scheme", "http"}, {":scheme", "https"}, {":status", "200"}, {":status", "204"}, {":status", "206"},
	{":status", "304"}, {":status", "400"}, {":status", "404"}, {":status", "500"}, {"accept-charset", ""},
	{"accept-encoding", "gzip, deflate"}, {"accept-language", ""}, {"accept-ranges", ""}, {"accept", ""},
	{"access-control-allow-origin", ""}, {"age", ""}, {"allow", ""}, {"authorization", ""}, {"cache-control", ""},
	{"content-disposition", ""}, {"content-encoding", ""}, {"content-language", ""}, {"content-length", ""},
	{"content-location", ""}, {"content-range", ""}, {"content-type", ""}, {"cookie", ""}, {"date", ""}, {"etag", ""},
	{"expect", ""}, {"expires", ""}, {"from", ""}, {"host", ""}, {"if-match", ""}, {"if-modified-since", ""},
	{"if-none-match", ""}, {"if-range", ""}, {"if-unmodified-since", ""}, {"last-modified", ""}, {"link", ""},
	{"location", ""}, {"max-forwards", ""}, {"proxy-authenticate", ""}, {"proxy-authorization", ""}, {"range", ""},
	{"referer", ""}, {"refresh", ""}, {"retry-after", ""}, {"server", ""}, {"set-cookie", ""},
	{"strict-transport-security", ""}, {"transfer-encoding", ""}, {"user-agent", ""}, {"vary", ""}, {"via", ""},
	{"www-authenticate", ""},
}

// Indexes of the static table that responses are written with.
const (
	indexStatus200     = 8
	indexContentLength = 28
	indexContentType   = 31
	indexDate          = 33
)

// entry says where in a table's bytes a name is, with its value behind it.
type entry struct{ from, name, value uint16 }

// dynamicTable is what a peer has had kept of its header blocks (RFC 7541 §2.3.2).
// The zero table is empty and holds no buffer.
type dynamicTable struct {
	bytes   []byte  // of the pool: names and values, oldest first
	entries []entry // oldest first
	gone    int     // entries at the front that are evicted
	size    int     // by RFC 7541 §4.1
	max     int     // what the peer keeps it to
}

// len returns the number of entries.
func (t *dynamicTable) len() int { return len(t.entries) - t.gone }

// at returns name and value of entry i, 0 being the newest, valid until add.
func (t *dynamicTable) at(i int) (name, value []byte) {
	e := t.entries[len(t.entries)-1-i]
	value = t.bytes[e.from+e.name:][:e.value]
	return t.bytes[e.from:][:e.name], value
}

// add makes name and value, which must not lie in the table, the newest entry.
// One that is larger than the table empties it (RFC 7541 §4.4).
//
// Hot path: no allocation once the pool is warm and the table has been as long.
func (t *dynamicTable) add(pool *ringbuf.Pool, name, value []byte) {
	n := len(name) + len(value)
	t.evict(t.max - n - entryCost)
	if n+entryCost > t.max {
		return
	}
	if len(t.bytes)+n > cap(t.bytes) || t.gone > entriesMax {
		t.compact(pool, n)
	}
	t.size += n + entryCost
	t.entries = append(t.entries, entry{uint16(len(t.bytes)), uint16(len(name)), uint16(len(value))})
	t.bytes = append(append(t.bytes, name...), value...)
}

// resize is a dynamic table size update (RFC 7541 §6.3).
func (t *dynamicTable) resize(max int) {
	t.max = max
	t.evict(max)
}

// evict removes the oldest entries until the size is at most max.
func (t *dynamicTable) evict(max int) {
	for t.size > max && t.len() > 0 {
		e := t.entries[t.gone]
		t.size -= int(e.name) + int(e.value) + entryCost
		t.gone++
	}
	if t.len() == 0 {
		t.entries, t.bytes, t.gone = t.entries[:0], t.bytes[:0], 0
	}
}

// compact makes room for n bytes more: what is evicted goes, entries without bytes,
// which need no room of those, too. Room for twice the table makes that rare.
func (t *dynamicTable) compact(pool *ringbuf.Pool, n int) {
	dead := 0
	if t.len() > 0 {
		dead = int(t.entries[t.gone].from)
	}
	live := t.bytes[dead:]
	old := t.bytes
	if want := len(live) + n; 2*want > cap(old) && cap(old) < 2*tableMax {
		t.bytes = append(pool.Get(min(2*want, 2*tableMax)), live...)
		if old != nil {
			pool.Put(old)
		}
	} else {
		t.bytes = old[:copy(old, live)]
	}
	t.entries = t.entries[:copy(t.entries, t.entries[t.gone:])]
	for i := range t.entries {
		t.entries[i].from -= uint16(dead)
	}
	t.gone = 0
}

// release empties the table and gives its buffer back.
func (t *dynamicTable) release(pool *ringbuf.Pool) {
	if t.bytes != nil {
		pool.Put(t.bytes)
	}
	*t = dynamicTable{entries: t.entries[:0], max: tableMax}
}
