package mcp_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/gannetmcp/gannet/engine/mcp"
)

// protocolSchema is the schema that a revision of the protocol is published
// with.
type protocolSchema struct {
	definitions map[string]any                // as JSON
	compiled    map[string]*jsonschema.Schema // of the same names
}

// loadSchemas reads the schemas of all revisions from GANNET_MCP_SCHEMAS, a
// folder with files like 2025-11-25.schema.json. Where that is not set, it
// returns nil; with CI set, that is a failure.
func loadSchemas(t *testing.T) map[string]*protocolSchema {
	t.Helper()
	dir := os.Getenv("GANNET_MCP_SCHEMAS")
	if dir == "" {
		if os.Getenv("CI") != "" {
			t.Fatal("GANNET_MCP_SCHEMAS names no folder")
		}
		t.Log("GANNET_MCP_SCHEMAS names no folder with the protocol's schemas: this test does without them")
		return nil
	}
	all := map[string]*protocolSchema{}
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
		s := &protocolSchema{doc.(map[string]any)[key].(map[string]any), map[string]*jsonschema.Schema{}}
		for name := range s.definitions {
			if s.compiled[name], err = c.Compile("mcp.json#/" + key + "/" + name); err != nil {
				t.Fatal(err)
			}
		}
		all[revision] = s
	}
	return all
}

// fault returns what is wrong with text as one of the named definitions, the
// first that the revision has.
func (s *protocolSchema) fault(text []byte, names ...string) error {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return err
	}
	for _, name := range names {
		if c := s.compiled[name]; c != nil {
			return c.Validate(doc)
		}
	}
	return os.ErrNotExist
}

// judge holds what a server says to the schemas. A nil judge holds it to
// nothing.
type judge struct {
	t       *testing.T
	schemas map[string]*protocolSchema
	agreed  string // revision of messages that name none
	asked   map[string]question
}

type question struct {
	method string
	modern bool
}

// newJudge returns a judge for messages of a revision; if that is none, they
// are of the one that initialize agrees on.
func newJudge(t *testing.T, schemas map[string]*protocolSchema, revision string) *judge {
	if schemas == nil {
		return nil
	}
	if schemas[revision] == nil {
		revision = mcp.LatestLegacyRevision
	}
	return &judge{t, schemas, revision, map[string]question{}}
}

// each calls f with each message of a batch, or with the message itself.
func each(message string, f func(m []byte)) {
	var many []json.RawMessage
	if json.Unmarshal([]byte(message), &many) != nil {
		f([]byte(message))
	}
	for _, m := range many {
		f(m)
	}
}

// sent notes what a request asks for.
func (j *judge) sent(message string) {
	if j == nil {
		return
	}
	each(message, func(b []byte) {
		var m struct {
			ID     json.RawMessage
			Method string
			Params struct {
				Meta map[string]any `json:"_meta"`
			}
		}
		if json.Unmarshal(b, &m) == nil {
			j.asked[string(m.ID)] = question{m.Method, m.Params.Meta["io.modelcontextprotocol/protocolVersion"] == mcp.LatestRevision}
		}
	})
}

// resultDefinitions are the names of what methods are answered with.
var resultDefinitions = map[string]string{
	"initialize": "InitializeResult", "ping": "EmptyResult", "server/discover": "DiscoverResult",
	"tools/list": "ListToolsResult", "tools/call": "CallToolResult",
	"resources/list": "ListResourcesResult", "resources/templates/list": "ListResourceTemplatesResult",
	"resources/read": "ReadResourceResult", "resources/subscribe": "EmptyResult", "resources/unsubscribe": "EmptyResult",
	"subscriptions/listen": "SubscriptionsListenResult",
	"prompts/list":         "ListPromptsResult", "prompts/get": "GetPromptResult",
	"completion/complete": "CompleteResult", "logging/setLevel": "EmptyResult",
	"tasks/get": "GetTaskResult", "tasks/list": "ListTasksResult", "tasks/cancel": "CancelTaskResult", "tasks/result": "GetTaskPayloadResult",
}

// messageDefinitions are the names of what servers send of their own accord.
var messageDefinitions = map[string]string{
	"notifications/progress": "ProgressNotification", "notifications/message": "LoggingMessageNotification",
	"notifications/cancelled":            "CancelledNotification",
	"notifications/tools/list_changed":   "ToolListChangedNotification",
	"notifications/prompts/list_changed": "PromptListChangedNotification", "notifications/resources/list_changed": "ResourceListChangedNotification",
	"notifications/resources/updated":          "ResourceUpdatedNotification",
	"notifications/subscriptions/acknowledged": "SubscriptionsAcknowledgedNotification",
	"notifications/elicitation/complete":       "ElicitationCompleteNotification",
	"notifications/tasks/status":               "TaskStatusNotification",
	"elicitation/create":                       "ElicitRequest", "sampling/createMessage": "CreateMessageRequest", "roots/list": "ListRootsRequest",
}

// received judges what the server says.
func (j *judge) received(message string) {
	if j == nil {
		return
	}
	j.t.Helper()
	each(message, func(b []byte) {
		var m struct {
			ID     json.RawMessage
			Method string
			Result json.RawMessage
			Error  *struct{ Code int }
		}
		if err := json.Unmarshal(b, &m); err != nil {
			j.t.Error(err)
			return
		}
		about := j.asked[string(m.ID)]
		revision := j.agreed
		if about.modern {
			revision = mcp.LatestRevision
		}
		s := j.schemas[revision]
		holds := func(text []byte, names ...string) {
			if err := s.fault(text, names...); err != nil {
				j.t.Errorf("%s, %v: %v\n%.500s", revision, names, err, text)
			}
		}
		if string(m.ID) == "null" {
			// JSON-RPC's word for an id that could not be read, which these
			// schemas do not have; the dialogues say where it may stand.
			b = bytes.Replace(b, []byte(`"id":null`), []byte(`"id":0`), 1)
		}
		holds(b, "JSONRPCMessage")
		switch {
		case m.Method == "notifications/tasks", revision == mcp.LatestRevision && strings.HasPrefix(about.method, "tasks/") && m.Error == nil,
			bytes.Contains(m.Result, []byte(`"resultType":"task"`)):
			// an extension, whose schema is not that of the revision
		case m.Method != "":
			holds(b, messageDefinitions[m.Method])
		case m.Error != nil && m.Error.Code == -32022:
			s = j.schemas[mcp.LatestRevision] // the only one that knows the code
			holds(b, "UnsupportedProtocolVersionError")
		case m.Error != nil:
			holds(b, "JSONRPCErrorResponse", "JSONRPCError")
		default:
			holds(b, "JSONRPCResultResponse", "JSONRPCResponse")
			if bytes.Contains(m.Result, []byte(`"resultType":"input_required"`)) {
				holds(m.Result, "InputRequiredResult")
				break
			}
			if bytes.HasPrefix(m.Result, []byte(`{"task":`)) {
				holds(m.Result, "CreateTaskResult")
				break
			}
			holds(m.Result, resultDefinitions[about.method])
			if about.method == "initialize" {
				var r struct{ ProtocolVersion string }
				if json.Unmarshal(m.Result, &r) == nil && j.schemas[r.ProtocolVersion] != nil {
					j.agreed = r.ProtocolVersion
				}
			}
		}
	})
}

// The judge can say no.
func TestJudge(t *testing.T) {
	schemas := loadSchemas(t)
	if schemas == nil {
		t.Skip("no schemas to judge by")
	}
	for _, tc := range []struct{ revision, definition, text, says string }{
		{"2024-11-05", "CallToolResult", `{"content":[]}`, ""},
		{"2024-11-05", "CallToolResult", `{"content":null}`, "content"},
		{"2024-11-05", "CallToolResult", `{"content":[{"type":"audio","data":"","mimeType":"a/b"}]}`, "content"},
		{"2025-06-18", "ListToolsResult", `{"tools":[{"name":"x","inputSchema":{"type":"object","properties":{"a":true}}}]}`, "properties"},
		{"2025-11-25", "JSONRPCMessage", `{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":"m"}}`, "id"},
		{"2026-07-28", "CallToolResult", `{"content":[]}`, "resultType"},
		{"2026-07-28", "NoSuchThing", `{}`, "not exist"},
	} {
		err := schemas[tc.revision].fault([]byte(tc.text), tc.definition)
		if (err == nil) != (tc.says == "") || err != nil && !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s %s: %v, want %q", tc.revision, tc.text, err, tc.says)
		}
	}
}
