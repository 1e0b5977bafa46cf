package mcp

import "github.com/gannetmcp/gannet/codec"

// Shapes are the JSON types that the revisions give to what clients send, as
// schemas of the subset that is judged in place. They are about types alone:
// whether a member must be there is judged where it is used, members that a
// revision does not know are passed over.
var (
	capabilities2024 = shape(`{"type":"object","properties":{` + sharedCapabilities + `,"sampling":{"type":"object"}}}`)

	capabilities202506 = shape(`{"type":"object","properties":{` + sharedCapabilities + `,
		"sampling":{"type":"object"},"elicitation":{"type":"object"}}}`)

	capabilities202511 = shape(`{"type":"object","properties":{` + sharedCapabilities + `,` + splitCapabilities + `,
		"tasks":{"type":"object","properties":{"list":{"type":"object"},"cancel":{"type":"object"},
			"requests":{"type":"object","properties":{
				"sampling":{"type":"object","properties":{"createMessage":{"type":"object"}}},
				"elicitation":{"type":"object","properties":{"create":{"type":"object"}}}}}}}}}`)

	capabilities202607 = shape(`{"type":"object","properties":{` + experimentalCapabilities + `,
		"roots":{"type":"object"},` + splitCapabilities + `,
		"extensions":{"type":"object","additionalProperties":{"type":"object"}}}}`)

	implementation2024 = shape(`{"type":"object","properties":{` + nameAndVersion + `}}`)

	implementation202506 = shape(`{"type":"object","properties":{` + nameAndVersion + `,"title":{"type":"string"}}}`)

	implementation202511 = shape(`{"type":"object","properties":{` + nameAndVersion + `,"title":{"type":"string"},
		"description":{"type":"string"},"websiteUrl":{"type":"string"},
		"icons":{"type":"array","items":{"type":"object","properties":{"src":{"type":"string"},"mimeType":{"type":"string"},
			"sizes":{"type":"array","items":{"type":"string"}},"theme":{"type":"string"}}}}}}`)

	taskShape           = shape(`{"type":"object","properties":{"ttl":{"type":"integer"}}}`)
	inputResponsesShape = shape(`{"type":"object","additionalProperties":{"type":"object"}}`)
	stringShape         = shape(`{"type":"string"}`)
	listenShape         = shape(`{"type":"object","properties":{"toolsListChanged":{"type":"boolean"},"promptsListChanged":{"type":"boolean"},
		"resourcesListChanged":{"type":"boolean"},"resourceSubscriptions":{"type":"array","items":{"type":"string"}},"taskIds":{"type":"array","items":{"type":"string"}}}}`)
)

const (
	nameAndVersion           = `"name":{"type":"string"},"version":{"type":"string"}`
	experimentalCapabilities = `"experimental":{"type":"object","additionalProperties":{"type":"object"}}`
	sharedCapabilities       = experimentalCapabilities + `,
		"roots":{"type":"object","properties":{"listChanged":{"type":"boolean"}}}`
	splitCapabilities = `"sampling":{"type":"object","properties":{"context":{"type":"object"},"tools":{"type":"object"}}},
		"elicitation":{"type":"object","properties":{"form":{"type":"object"},"url":{"type":"object"}}}`
)

func shape(schema string) *node {
	v, err := codec.ParseValue([]byte(schema))
	if err != nil {
		panic("mcp: " + err.Error())
	}
	n, err := compileNode(v)
	if err != nil {
		panic("mcp: " + err.Error() + " in " + schema)
	}
	return n
}

// members are shapes of members of params, looked up one by one: params are
// indexed, and what else is in them may be long.
type members []struct {
	name  string
	shape *node
}

func (ms members) judge(params codec.Object) *Error {
	for i := range ms {
		if v, ok := params.Get(ms[i].name); ok {
			if f := ms[i].shape.check(v); f != nil {
				return invalidParams(f.under(ms[i].name).text())
			}
		}
	}
	return nil
}

// completeMembers are the params of completion/complete.
var completeMembers = members{
	{"ref", shape(`{"type":"object","properties":{"type":{"type":"string"},"name":{"type":"string"},"uri":{"type":"string"},"title":{"type":"string"}},"required":["type"]}`)},
	{"argument", shape(`{"type":"object","properties":{"name":{"type":"string"},"value":{"type":"string"}}}`)},
	{"context", shape(`{"type":"object","properties":{"arguments":{"type":"object","additionalProperties":{"type":"string"}}}}`)},
}
