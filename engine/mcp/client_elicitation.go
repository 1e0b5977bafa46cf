package mcp

import (
	"context"
	"encoding/json"
	"fmt"
)

// elicit answers elicitation/create.
func (s *ClientSession) elicit(ctx context.Context, rev *revision, raw json.RawMessage) (any, error) {
	r := &ElicitRequest{Raw: raw}
	if err := json.Unmarshal(raw, r); err != nil {
		return nil, invalidParams(err.Error())
	}
	if r.Mode == "" {
		r.Mode = "form"
	}
	if r.Mode != "form" && !(r.Mode == "url" && rev.elicitURL && s.client.opts.ElicitURL) {
		return nil, invalidParams("the client did not declare elicitation mode " + clip(r.Mode, versionShown))
	}
	var defaults map[string]json.RawMessage
	if r.Mode == "form" {
		var err error
		if defaults, err = schemaDefaults(r.RequestedSchema); err != nil {
			return nil, err
		}
	}
	res, err := s.client.opts.Elicitation(ctx, r)
	if err != nil {
		return nil, err
	}
	if res == nil {
		return nil, fmt.Errorf("mcp: ClientOptions.Elicitation returned no result and no error")
	}
	out := map[string]any{"action": res.Action}
	switch res.Action {
	case "accept":
		if r.Mode == "form" {
			out["content"] = filledIn(res.Content, defaults)
		}
	case "decline", "cancel":
	default:
		return nil, fmt.Errorf("mcp: ClientOptions.Elicitation returned action %q; use accept, decline or cancel", res.Action)
	}
	return out, nil
}

// schemaDefaults returns the defaults of a form's members, of whatever type.
func schemaDefaults(schema json.RawMessage) (map[string]json.RawMessage, error) {
	var s struct {
		Properties map[string]struct{ Default json.RawMessage }
	}
	if len(schema) == 0 {
		return nil, invalidParams("a form lacks requestedSchema")
	}
	if err := json.Unmarshal(schema, &s); err != nil {
		return nil, invalidParams("requestedSchema: " + err.Error())
	}
	defaults := map[string]json.RawMessage{}
	for name, p := range s.Properties {
		if len(p.Default) > 0 && string(p.Default) != "null" {
			defaults[name] = p.Default
		}
	}
	return defaults, nil
}

// filledIn returns content with defaults for what is left out.
func filledIn(content map[string]any, defaults map[string]json.RawMessage) map[string]any {
	all := make(map[string]any, len(content)+len(defaults))
	for name, v := range defaults {
		all[name] = v
	}
	for name, v := range content {
		all[name] = v
	}
	return all
}
