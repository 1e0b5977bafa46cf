package mcp

import (
	"strings"
	"testing"
)

func TestHeaderKeyword(t *testing.T) {
	for _, tc := range []struct{ schema, says string }{
		{`{"type":"object"}`, ""},
		{`{"type":"object","properties":{"a":{"type":"string","x-mcp-header":"Region"}}}`, ""},
		{`{"type":"object","properties":{"a":{"type":"integer","x-mcp-header":"A"},"b":{"type":"boolean","x-mcp-header":"b!#$%&'*+-.^_|~"}}}`, ""},
		{`{"type":"object","properties":{"a":{"type":"object","properties":{"b":{"type":"string","x-mcp-header":"Deep"}}}}}`, ""},
		{`{"type":"object","properties":{"x-mcp-header":{"type":"number"}}}`, ""},
		{`{"type":"object","properties":{"a":{"type":"object","default":{"x-mcp-header":7},"enum":[{"x-mcp-header":""}]}}}`, ""},

		{`{"type":"object","properties":{"a":{"type":"string","x-mcp-header":""}}}`, "token"},
		{`{"type":"object","properties":{"a":{"type":"string","x-mcp-header":7}}}`, "token"},
		{`{"type":"object","properties":{"a":{"type":"string","x-mcp-header":"two words"}}}`, "token"},
		{`{"type":"object","properties":{"a":{"type":"string","x-mcp-header":"a\r\nb"}}}`, "token"},
		{`{"type":"object","properties":{"a":{"type":"string","x-mcp-header":"é"}}}`, "token"},
		{`{"type":"object","properties":{"a":{"type":"number","x-mcp-header":"N"}}}`, "only strings"},
		{`{"type":"object","properties":{"a":{"type":["string","null"],"x-mcp-header":"N"}}}`, "only strings"},
		{`{"type":"object","properties":{"a":{"x-mcp-header":"N"}}}`, "only strings"},
		{`{"type":"object","properties":{"a":{"type":"array","items":{"type":"string","x-mcp-header":"N"}}}}`, "properties alone"},
		{`{"type":"object","anyOf":[{"properties":{"a":{"type":"string","x-mcp-header":"N"}}}]}`, "properties alone"},
		{`{"type":"object","if":{"properties":{"a":{"type":"string","x-mcp-header":"N"}}}}`, "properties alone"},
		{`{"type":"object","$defs":{"d":{"type":"string","x-mcp-header":"N"}}}`, "properties alone"},
		{`{"type":"object","x-mcp-header":"N"}`, "properties alone"},
		{`{"type":"object","properties":{"a":{"type":"string","x-mcp-header":"N"},"b":{"type":"string","x-mcp-header":"n"}}}`, "same name"},
	} {
		_, err := judgeHeaders([]byte(tc.schema))
		if (err == nil) != (tc.says == "") || err != nil && !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: %v, want %q", tc.schema, err, tc.says)
		}
	}
}
