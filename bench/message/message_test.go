package message

import (
	"encoding/json"
	"testing"

	"github.com/cespare/xxhash/v2"
)

func TestFixturesAreJSON(t *testing.T) {
	for _, f := range Fixtures() {
		if !json.Valid(f.Text) {
			t.Errorf("%s is no JSON", f.Name)
		}
	}
}

func TestColliding(t *testing.T) {
	for _, first := range []byte{0, '"'} {
		seen := map[string]bool{}
		all := Colliding(10_000, first)
		for _, name := range all {
			if len(name) != 64 || first != 0 && name[0] != first || seen[name] {
				t.Fatalf("%q", name)
			}
			seen[name] = true
			if xxhash.Sum64String(name) != xxhash.Sum64String(all[0]) || xxhash.Sum64String(name+`z"`) != xxhash.Sum64String(all[0]+`z"`) {
				t.Fatalf("%q has a hash of its own", name)
			}
		}
	}
}
