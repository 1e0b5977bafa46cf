package codec

import (
	"testing"

	"github.com/gannetmcp/gannet/bench/message"
)

// fixture is a message that benchmarks and alloc gates parse.
type fixture struct {
	name string
	kind Kind
	text []byte
}

var fixtures = func() (all []fixture) {
	for _, f := range message.Fixtures() {
		kind := KindRequest
		if f.Result {
			kind = KindResult
		}
		all = append(all, fixture{f.Name, kind, f.Text})
	}
	return all
}()

// fixtureOf returns the text of one fixture.
func fixtureOf(name string) []byte {
	for _, f := range fixtures {
		if f.name == name {
			return f.text
		}
	}
	panic("codec: no fixture " + name)
}

func TestFixtures(t *testing.T) {
	sizes := map[string][2]int{"ping": {45, 45}, "call300": {300, 320}, "call": {977, 977}, "list": {18_000, 20_000}, "call-1M": {1 << 20, 1<<20 + 200}, "b64-1M": {1 << 20, 1<<20 + 200}, "deep": {70_000, 72_000}, "utf": {21_000, 21_400}}
	var m Message
	p := NewParser(Limits{})
	for _, f := range fixtures {
		if err := p.Parse(&m, f.text); err != nil || m.Kind() != f.kind || !strict(f.text) {
			t.Errorf("%s: kind %v, %v", f.name, m.Kind(), err)
		} else {
			sameParts(t, &m, f.text)
		}
		if size := sizes[f.name]; len(f.text) < size[0] || len(f.text) > size[1] {
			t.Errorf("%s has %d bytes, want %d", f.name, len(f.text), size)
		}
	}
}
