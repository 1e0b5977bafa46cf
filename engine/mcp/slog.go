package mcp

import (
	"context"
	"encoding/json"
	"log/slog"
)

// LogHandler is an slog.Handler that sends records to the client whose call the
// context belongs to (CallFrom), as notifications/message: for handlers that log
// with slog's …Context functions. Records without such a context, and those that
// the client does not want, are dropped; Next, if given, gets all of them too.
//
// The message's data is an object of the record's message under "msg" and its
// attributes. It allocates.
type LogHandler struct {
	// Name is the logger that clients are told of. Optional.
	Name string
	// Next gets each record, too. Optional.
	Next slog.Handler

	attrs []groupedAttr
	group []string
}

type groupedAttr struct {
	group []string
	attr  slog.Attr
}

var _ slog.Handler = (*LogHandler)(nil)

// levelOf maps slog's levels, and what lies between them, to the protocol's.
func levelOf(l slog.Level) LogLevel {
	switch {
	case l < slog.LevelInfo:
		return LogDebug
	case l < slog.LevelInfo+2:
		return LogInfo
	case l < slog.LevelWarn:
		return LogNotice
	case l < slog.LevelError:
		return LogWarning
	case l < slog.LevelError+4:
		return LogError
	case l < slog.LevelError+8:
		return LogCritical
	case l < slog.LevelError+12:
		return LogAlert
	}
	return LogEmergency
}

// Enabled implements slog.Handler.
func (h *LogHandler) Enabled(ctx context.Context, l slog.Level) bool {
	if c := CallFrom(ctx); c != nil && c.LogEnabled(levelOf(l)) {
		return true
	}
	return h.Next != nil && h.Next.Enabled(ctx, l)
}

// Handle implements slog.Handler.
func (h *LogHandler) Handle(ctx context.Context, r slog.Record) error {
	var err error
	if h.Next != nil && h.Next.Enabled(ctx, r.Level) {
		err = h.Next.Handle(ctx, r)
	}
	c := CallFrom(ctx)
	if c == nil || !c.LogEnabled(levelOf(r.Level)) {
		return err
	}
	data := map[string]any{slog.MessageKey: r.Message}
	for _, a := range h.attrs {
		put(data, a.group, a.attr)
	}
	r.Attrs(func(a slog.Attr) bool {
		put(data, h.group, a)
		return true
	})
	b, merr := json.Marshal(data)
	if merr != nil {
		return merr
	}
	if lerr := c.Log(levelOf(r.Level), h.Name, b); err == nil {
		err = lerr
	}
	return err
}

// put adds an attribute under its groups.
func put(data map[string]any, group []string, a slog.Attr) {
	v := a.Value.Resolve()
	if a.Key == "" && v.Kind() != slog.KindGroup || a.Equal(slog.Attr{}) {
		return
	}
	for _, g := range group {
		sub, ok := data[g].(map[string]any)
		if !ok {
			sub = map[string]any{}
			data[g] = sub
		}
		data = sub
	}
	if v.Kind() != slog.KindGroup {
		x := v.Any()
		if e, ok := x.(error); ok {
			x = e.Error()
		} else if _, err := json.Marshal(x); err != nil { // a channel, a NaN
			x = v.String()
		}
		data[a.Key] = x
		return
	}
	inner := []string{}
	if a.Key != "" {
		inner = append(inner, a.Key)
	}
	for _, sub := range v.Group() {
		put(data, inner, sub)
	}
}

// WithAttrs implements slog.Handler.
func (h *LogHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	other := *h
	other.attrs = h.attrs[:len(h.attrs):len(h.attrs)]
	for _, a := range attrs {
		other.attrs = append(other.attrs, groupedAttr{h.group, a})
	}
	if h.Next != nil {
		other.Next = h.Next.WithAttrs(attrs)
	}
	return &other
}

// WithGroup implements slog.Handler.
func (h *LogHandler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	other := *h
	other.group = append(h.group[:len(h.group):len(h.group)], name)
	if h.Next != nil {
		other.Next = h.Next.WithGroup(name)
	}
	return &other
}
