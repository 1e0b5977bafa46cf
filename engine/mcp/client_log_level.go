package mcp

import (
	"context"
	"fmt"
)

// SetLogLevel says from which level on the server sends log messages:
// notifications/message, to OnNotification. Up to 2025-11-25 the server is told
// at once, and again on each new connection. In 2026-07-28 each request says
// it; before a level is set no messages come, and so after a negative one.
func (s *ClientSession) SetLogLevel(ctx context.Context, level LogLevel) error {
	l, err := s.current(ctx)
	if err != nil {
		return err
	}
	modern := l.rev.Load().modern
	name := ""
	switch {
	case level >= LogDebug && level <= LogEmergency:
		name = level.String()
	case !modern || level > LogEmergency:
		return fmt.Errorf("mcp: SetLogLevel: %d is no level; use one from LogDebug to LogEmergency", level)
	}
	if !modern {
		if err := l.setLogLevel(ctx, name); err != nil {
			return err
		}
	}
	s.mu.Lock()
	s.logLevel = name
	s.mu.Unlock()
	return nil
}

// setLogLevel tells a server of the legacy era.
func (l *link) setLogLevel(ctx context.Context, level string) error {
	_, err := l.request(ctx, latestLegacy, "logging/setLevel", params{"level": mustMarshal(level)}, requestOptions{})
	return err
}
