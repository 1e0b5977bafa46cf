package mcp

import (
	"encoding/base64"
	"strings"

	"github.com/gannetmcp/gannet/codec"
)

// What clients of 2026-07-28 mirror of a message in header fields ("Standard
// headers"), for transports over HTTP.

// HeaderParam is an argument of a tool that is mirrored in a header field.
type HeaderParam struct {
	Field string   // name of the field, Mcp-Param-NAME
	Path  []string // of the argument, from the arguments object down
}

// HeaderParams returns the arguments that an input schema has mirrored
// (x-mcp-header). The schema is JSON of any kind, and not kept.
//
// The error says which rule the schema breaks. A client on HTTP must not show
// such a tool to its users.
func HeaderParams(schema []byte) ([]HeaderParam, error) {
	judged, err := judgeHeaders(schema)
	if err != nil {
		return nil, err
	}
	params := make([]HeaderParam, len(judged))
	for i, p := range judged {
		params[i] = HeaderParam{Field: p.field, Path: p.path}
	}
	return params, nil
}

// Value returns the field's value for a call with these arguments, encoded, and
// whether there is one: arguments that are missing or null have none.
func (p *HeaderParam) Value(arguments codec.Value) (string, bool) {
	v := arguments
	for _, step := range p.Path {
		var ok bool
		if v, ok = v.Object().Get(step); !ok {
			return "", false
		}
	}
	switch v.Kind() {
	case codec.String:
		s, err := v.StringCopy()
		return HeaderValue(s), err == nil
	case codec.Number, codec.True, codec.False:
		return string(v.Raw()), true
	}
	return "", false // the server will say what is wrong with it
}

// MirroredName returns what a request of method is about, which the field
// Mcp-Name repeats, and whether there is such a thing.
func MirroredName(method string, params codec.Object) (string, bool) {
	key := ""
	switch method {
	case askToolsCall, "prompts/get":
		key = "name"
	case "resources/read":
		key = "uri"
	case "tasks/get", "tasks/update", "tasks/cancel":
		key = "taskId"
	default:
		return "", false
	}
	v, _ := params.Get(key)
	if v.Kind() != codec.String {
		return "", false
	}
	s, err := v.StringCopy()
	return s, err == nil
}

// HeaderValue returns s as a field's value: itself where a field can have it,
// else in base64 between marks. What looks like that already is encoded too.
func HeaderValue(s string) string {
	plain := strings.TrimSpace(s) == s && !(strings.HasPrefix(s, base64Begin) && strings.HasSuffix(s, base64End))
	for i := 0; plain && i < len(s); i++ {
		plain = s[i] >= ' ' && s[i] <= '~'
	}
	if plain {
		return s
	}
	return base64Begin + base64.StdEncoding.EncodeToString([]byte(s)) + base64End
}
