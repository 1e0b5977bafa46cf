package mcp

import (
	"context"
	"fmt"

	"github.com/gannetmcp/gannet/codec"
)

// SetLogLevel says from which level on, "debug" to "emergency" (RFC 5424), the
// server sends log messages: notifications/message, to OnNotification. Up to
// 2025-11-25 the server is told at once, and again on each new connection. In
// 2026-07-28 each request says it, and without a level, or with an empty one,
// no messages come.
func (s *ClientSession) SetLogLevel(ctx context.Context, level string) error {
	l, err := s.current(ctx)
	if err != nil {
		return err
	}
	modern := l.rev.Load().modern
	if !(level == "" && modern) && !isLogLevel(codec.RawValue(mustMarshal(level))) {
		return fmt.Errorf("mcp: SetLogLevel: %q is no level; use one from debug to emergency", level)
	}
	if !modern {
		if err := l.setLogLevel(ctx, level); err != nil {
			return err
		}
	}
	s.mu.Lock()
	s.logLevel = level
	s.mu.Unlock()
	return nil
}

// setLogLevel tells a server of the legacy era.
func (l *link) setLogLevel(ctx context.Context, level string) error {
	_, err := l.request(ctx, latestLegacy, "logging/setLevel", params{"level": mustMarshal(level)}, requestOptions{})
	return err
}
