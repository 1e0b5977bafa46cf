package mcp

import "github.com/gannetmcp/gannet/codec"

// append appends the tool as clients of the revision see it.
func (t *tool) append(b []byte, rev *revision) []byte {
	b = codec.AppendString(append(b, `{"name":`...), t.Name)
	b = appendAbout(b, rev, t.Title, t.Description)
	b = append(append(b, `,"inputSchema":`...), t.InputSchema...)
	if rev.structured && t.OutputSchema != nil && (rev.anyOutput || t.objects) {
		b = append(append(b, `,"outputSchema":`...), t.OutputSchema...)
	}
	if rev.annotations && t.Annotations != nil {
		b = t.Annotations.append(append(b, `,"annotations":`...))
	}
	if rev.coreTasks && t.TaskSupport != TaskForbidden {
		b = append(append(append(b, `,"execution":{"taskSupport":"`...), taskSupportNames[t.TaskSupport]...), `"}`...)
	}
	return append(appendExtras(b, rev, t.Icons, t.Meta), '}')
}

func (a *ToolAnnotations) append(b []byte) []byte {
	b = append(b, '{')
	if a.Title != "" {
		b = codec.AppendString(append(b, `"title":`...), a.Title)
	}
	for _, h := range []struct {
		name  string
		value *bool
	}{
		{"readOnlyHint", a.ReadOnlyHint},
		{"destructiveHint", a.DestructiveHint},
		{"idempotentHint", a.IdempotentHint},
		{"openWorldHint", a.OpenWorldHint},
	} {
		if h.value == nil {
			continue
		}
		if b[len(b)-1] != '{' {
			b = append(b, ',')
		}
		b = codec.AppendBool(append(append(append(b, '"'), h.name...), `":`...), *h.value)
	}
	return append(b, '}')
}
