package mcp_test

import (
	"bufio"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gannetmcp/gannet/engine/mcp"
)

// notHere says, of names that a revision's schema has, why no dialogue of that
// revision has them.
var notHere = map[string]string{
	"notifications/roots/list_changed": "from clients; roots are asked for each time, so it changes nothing",
}

// Every method and notification that a revision's schema names is in a line of
// a dialogue of that revision, or is in notHere.
func TestDialoguesHaveEveryName(t *testing.T) {
	schemas := loadSchemas(t)
	if schemas == nil {
		t.Skip("no schemas to take names from")
	}
	method := regexp.MustCompile(`"method":"([^"]+)"`)
	for _, revision := range mcp.Revisions() {
		said := map[string]bool{}
		files, err := filepath.Glob("testdata/dialogue/" + revision + "/*.txt")
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			f, err := os.Open(file)
			if err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewScanner(f)
			lines.Buffer(nil, 16<<20)
			for lines.Scan() {
				if line := lines.Text(); strings.HasPrefix(line, "> ") || strings.HasPrefix(line, "< ") {
					for _, m := range method.FindAllStringSubmatch(line, -1) {
						said[m[1]] = true
					}
				}
			}
			_ = f.Close()
		}
		names := schemas[revision].methods()
		if len(names) < 20 {
			t.Errorf("%s: only %d names in the schema: %v", revision, len(names), names)
		}
		for _, name := range names {
			if !said[name] && notHere[name] == "" {
				t.Errorf("%s: no dialogue has %s", revision, name)
			}
		}
	}
}

// methods returns the names of the methods and notifications that a schema
// defines.
func (s *protocolSchema) methods() []string {
	names := map[string]bool{}
	for _, d := range s.definitions {
		d, _ := d.(map[string]any)
		properties, _ := d["properties"].(map[string]any)
		method, _ := properties["method"].(map[string]any)
		if name, ok := method["const"].(string); ok {
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}
