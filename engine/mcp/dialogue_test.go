package mcp_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/gannetmcp/gannet/engine/mcp"
	"github.com/gannetmcp/gannet/engine/mcp/fixture"
	"github.com/gannetmcp/gannet/engine/mcp/mcptest"
)

var update = flag.Bool("update", false, "write what the server answers into the dialogues")

// dialogueServer is what the dialogues talk to: the demo tools, and one that
// has everything that a tool can have.
func dialogueServer() *mcp.Server {
	s := mcp.NewServer(mcp.Options{
		Name: "dialogue", Version: "1.2.3", Title: "A dialogue", Description: "For tests.", WebsiteURL: "https://example.org",
		Instructions: "Speak clearly.", CacheTTL: time.Minute, PrivateCache: true, PageSize: 3,
	})
	fixture.AddDemo(s)
	yes := true
	s.HandleTool(mcp.Tool{
		Name: "everything", Title: "Everything", Description: "All kinds of content.",
		InputSchema: []byte(`{"type":"object","properties":{"what":{"enum":["all","error","fail","panic","none","raw"]}}}`),
		Annotations: &mcp.ToolAnnotations{Title: "All", DestructiveHint: &yes},
		Icons:       []byte(`[{"src":"https://example.org/i.png","mimeType":"image/png"}]`),
		Meta:        []byte(`{"example.org/key":1}`),
	}, mcp.Inline, func(c *mcp.Call) error {
		what, err := c.Args().StringCopy("what")
		if err != nil {
			return err
		}
		switch what {
		case "error":
			_ = c.Reply().TextString("dropped")
			return errors.New("what a model is told")
		case "fail":
			return &mcp.Error{Code: -32099, Message: "a code of its own", Data: []byte(`{"k":1}`)}
		case "panic":
			panic("on the loop")
		case "none":
			return nil
		case "raw":
			return c.Reply().Raw([]byte(`{"content":[]}`))
		}
		r := c.Reply()
		return errors.Join(r.TextString("text"), r.Image([]byte("png"), "image/png"), r.Audio([]byte("wav"), "audio/wav"),
			r.Link("file:///x", "x", "text/plain"), r.Resource("file:///y", "text/plain", []byte("inside")))
	})
	return s
}

// TestDialogues plays the files of testdata/dialogue. A folder is named after
// the revision that its messages are for. In a file,
//
//	# is a remark
//	> is sent
//	< must come, after what was sent above it, in this order and to the byte
//
// and nothing else may come. Time does not pass in vain: each block of lines
// that are sent is given ten seconds, which take none. With -update the lines
// that must come are written anew.
func TestDialogues(t *testing.T) {
	files, err := filepath.Glob("testdata/dialogue/*/*.txt")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d dialogues, %v", len(files), err)
	}
	schemas := loadSchemas(t)
	for _, file := range files {
		revision := filepath.Base(filepath.Dir(file))
		t.Run(revision+"/"+strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			synctest.Test(t, func(t *testing.T) { play(t, string(text), &out, schemas[revision]) })
			if *update {
				if err := os.WriteFile(file, out.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if out.String() != string(text) {
				t.Errorf("the dialogue went another way (run with -update and look at the difference):\n%s", difference(string(text), out.String()))
			}
		})
	}
}

// play sends what a dialogue says and writes down how it went.
func play(t *testing.T, text string, out *bytes.Buffer, schema *revisionSchema) {
	c := mcptest.New(t, dialogueServer())
	sent := false
	listen := func() {
		if !sent {
			return
		}
		sent = false
		time.Sleep(10 * time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		for {
			m, err := c.Receive(ctx)
			if err != nil {
				return
			}
			fmt.Fprintf(out, "< %s\n", m)
			if schema != nil {
				schema.judge(t, m)
			}
		}
	}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case strings.HasPrefix(line, "> "):
			out.WriteString(line + "\n")
			if schema != nil {
				schema.note(line[2:])
			}
			c.Send(line[2:])
			sent = true
		case strings.HasPrefix(line, "< "):
			listen()
		default:
			listen()
			out.WriteString(line + "\n")
		}
	}
	listen()
}

func difference(want, got string) string {
	a, b := strings.Split(want, "\n"), strings.Split(got, "\n")
	var d strings.Builder
	for i := range max(len(a), len(b)) {
		x, y := "", ""
		if i < len(a) {
			x = a[i]
		}
		if i < len(b) {
			y = b[i]
		}
		if x != y {
			fmt.Fprintf(&d, "line %d\n  want %s\n  got  %s\n", i+1, x, y)
			break
		}
	}
	return d.String()
}

// revisionSchema is the protocol's own schema of a revision.
type revisionSchema struct {
	compiled map[string]*jsonschema.Schema
	asked    map[string]string // method by id
}

// resultDefinitions are the names of what methods are answered with.
var resultDefinitions = map[string]string{
	"initialize": "InitializeResult", "ping": "EmptyResult", "tools/list": "ListToolsResult",
	"tools/call": "CallToolResult", "server/discover": "DiscoverResult",
}

// loadSchemas reads the schemas of all revisions from GANNET_MCP_SCHEMAS, a
// folder with files like 2025-11-25.schema.json. Without it what is sent is not
// judged; with CI set that is a failure.
func loadSchemas(t *testing.T) map[string]*revisionSchema {
	t.Helper()
	dir := os.Getenv("GANNET_MCP_SCHEMAS")
	if dir == "" {
		if os.Getenv("CI") != "" {
			t.Fatal("GANNET_MCP_SCHEMAS names no folder")
		}
		t.Log("GANNET_MCP_SCHEMAS names no folder with the protocol's schemas: what is sent is not judged by them")
		return nil
	}
	all := map[string]*revisionSchema{}
	for _, revision := range mcp.Revisions() {
		text, err := os.ReadFile(filepath.Join(dir, revision+".schema.json"))
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		key := "$defs"
		if _, ok := doc.(map[string]any)[key]; !ok {
			key = "definitions"
		}
		c := jsonschema.NewCompiler()
		if err := c.AddResource("mcp.json", doc); err != nil {
			t.Fatal(err)
		}
		s := &revisionSchema{map[string]*jsonschema.Schema{}, map[string]string{}}
		for name := range doc.(map[string]any)[key].(map[string]any) {
			if s.compiled[name], err = c.Compile("mcp.json#/" + key + "/" + name); err != nil {
				t.Fatal(err)
			}
		}
		all[revision] = s
	}
	return all
}

// note remembers what was asked under which id.
func (s *revisionSchema) note(request string) {
	var one struct {
		ID     json.RawMessage
		Method string
	}
	var many []json.RawMessage
	if json.Unmarshal([]byte(request), &many) == nil {
		for _, m := range many {
			s.note(string(m))
		}
	} else if json.Unmarshal([]byte(request), &one) == nil {
		s.asked[string(one.ID)] = one.Method
	}
}

// judge validates a message of the server's.
func (s *revisionSchema) judge(t *testing.T, message string) {
	t.Helper()
	if message[0] == '[' {
		var many []json.RawMessage
		if err := json.Unmarshal([]byte(message), &many); err != nil {
			t.Error(err)
		}
		for _, m := range many {
			s.judge(t, string(m))
		}
		return
	}
	var m struct {
		ID            json.RawMessage
		Method        string
		Result, Error json.RawMessage
	}
	if err := json.Unmarshal([]byte(message), &m); err != nil {
		t.Error(err)
		return
	}
	// An error without a usable id has none in the schemas, or null, which the
	// older ones do not foresee.
	if m.Error != nil && (m.ID == nil || string(m.ID) == "null") {
		return
	}
	envelope := "JSONRPCMessage"
	s.valid(t, envelope, message)
	switch {
	case m.Method == "notifications/progress":
		s.valid(t, "ProgressNotification", message)
	case m.Result != nil:
		name := resultDefinitions[s.asked[string(m.ID)]]
		if name == "" {
			t.Errorf("a result of what? %s", message)
			return
		}
		s.valid(t, name, string(m.Result))
	}
}

func (s *revisionSchema) valid(t *testing.T, name, text string) {
	t.Helper()
	schema := s.compiled[name]
	if schema == nil {
		t.Errorf("the revision has no %s, and this is one: %.300s", name, text)
		return
	}
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err == nil {
		err = schema.Validate(doc)
	}
	if err != nil {
		t.Errorf("%s: %v\n%.500s", name, err, text)
	}
}
