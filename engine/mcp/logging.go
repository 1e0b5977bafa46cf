package mcp

import (
	"github.com/gannetmcp/gannet/codec"
)

// LogLevel is how much a log message matters (RFC 5424, as MCP names them).
type LogLevel int8

// The levels.
const (
	LogDebug LogLevel = iota
	LogInfo
	LogNotice
	LogWarning
	LogError
	LogCritical
	LogAlert
	LogEmergency
	logNone // no client wants any
)

var logLevels = [...]string{"debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"}

// String returns the level's name.
func (l LogLevel) String() string {
	if l < 0 || int(l) >= len(logLevels) {
		return "none"
	}
	return logLevels[l]
}

// logLevelOf returns the level that v names.
func logLevelOf(v codec.Value) (l LogLevel, ok bool) {
	for i, name := range logLevels {
		if v.EqualString(name) {
			return LogLevel(i), true
		}
	}
	return logNone, false
}

// LogLevel returns the lowest level that this request's client wants: what it
// has set by logging/setLevel, or in the request itself (2026-07-28). Before it
// has asked it wants none, and what LogEnabled says is false.
func (c *Call) logLevel() LogLevel {
	if c.task != nil && c.rev.modern {
		return logNone // its request was answered
	}
	if c.rev.modern {
		l, _ := logLevelOf(c.meta.logLevel)
		return l
	}
	return LogLevel(c.session.logLevel.Load())
}

// LogEnabled reports whether the client wants log messages of a level. Clients
// that never asked for any want none.
func (c *Call) LogEnabled(level LogLevel) bool { return level >= c.logLevel() }

// Log sends a log message to the client, if it wants such: data is any JSON
// value, and copied; logger names the part that speaks, and may be empty. It
// must come before the reply's content.
//
// Errors: ErrReplyBegun; engine.ErrPushQueueFull, which a handler may ignore.
//
// Hot path: no allocation.
func (c *Call) Log(level LogLevel, logger string, data []byte) error {
	if level < 0 || level >= logNone || !c.LogEnabled(level) || c.engine.Answered() {
		return nil
	}
	if c.reply.state != replyEmpty {
		return ErrReplyBegun
	}
	dst := c.engine.BeginNotification("notifications/message")
	dst = c.engine.Grow(dst, len(data)+escapeRoom(len(logger))+blockRoom)
	dst = append(append(append(dst, `{"level":"`...), logLevels[level]...), '"')
	if logger != "" {
		dst = codec.AppendString(append(dst, `,"logger":`...), logger)
	}
	dst = appendOneLine(append(dst, `,"data":`...), data)
	return c.endNotification(append(c.appendRelated(dst), '}'))
}

// setLevel answers logging/setLevel (revisions up to 2025-11-25).
func setLevel(c *Call) error {
	v, _ := c.engine.Params().Get("level")
	level, ok := logLevelOf(v)
	if !ok {
		return errSetLevel
	}
	c.session.logLevel.Store(int32(level))
	c.engine.Result(emptyResult)
	return nil
}

var emptyResult = []byte("{}")
