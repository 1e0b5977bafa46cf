package mcp

import "github.com/gannetmcp/gannet/codec"

// Progress tells the client how far the call is: progress of total, both in
// any unit; a total of 0 is unknown and not sent, an empty message neither. It
// does nothing for a client that did not ask (no progressToken), for a value
// that is not larger than the last one, which the protocol forbids, for one
// that JSON has no number for, and for a call that has ended. The call's time
// begins anew (engine.Call.Extend), whether the client asked or not.
//
// Errors: ErrReplyBegun; engine.ErrPushQueueFull, which a handler may ignore.
//
// Hot path: no allocation.
func (c *Call) Progress(progress, total float64, message string) error {
	c.engine.Extend(0)
	token := c.meta.progressToken.Raw()
	if c.task != nil && c.rev.modern {
		return nil // its request was answered
	}
	if len(token) == 0 || c.reported && progress <= c.progress || !finite(progress) {
		return nil
	}
	if c.reply.state != replyEmpty {
		return ErrReplyBegun
	}
	c.reported, c.progress = true, progress
	dst := c.engine.BeginNotification("notifications/progress")
	dst = c.engine.Grow(dst, len(token)+escapeRoom(len(message))+blockRoom)
	dst = append(append(dst, `{"progressToken":`...), token...)
	dst = codec.AppendFloat(append(dst, `,"progress":`...), progress)
	if total != 0 && finite(total) {
		dst = codec.AppendFloat(append(dst, `,"total":`...), total)
	}
	if message != "" && c.rev.progressText {
		dst = codec.AppendString(append(dst, `,"message":`...), message)
	}
	return c.endNotification(append(c.appendRelated(dst), '}'))
}

func finite(f float64) bool { return f-f == 0 }
