package mcp

import (
	"bytes"

	"github.com/gannetmcp/gannet/codec"
)

// Names of members of params._meta (revision 2026-07-28, "Per-request
// metadata").
const (
	metaPrefix       = "io.modelcontextprotocol/"
	metaVersion      = metaPrefix + "protocolVersion"
	metaCapabilities = metaPrefix + "clientCapabilities"
	metaClientInfo   = metaPrefix + "clientInfo"
	metaLogLevel     = metaPrefix + "logLevel"
	metaServerInfo   = metaPrefix + "serverInfo"
)

// requestMeta is what params._meta says. It aliases the message, or the Call's
// knownMeta. A Value of no kind was not given.
type requestMeta struct {
	version       codec.Value
	capabilities  codec.Value
	clientInfo    codec.Value
	logLevel      codec.Value
	progressToken codec.Value
	modern        bool // a member of the modern era is there
}

// progressTokenMax bounds the text of a progress token, quotes and escapes
// included: each report of progress repeats it.
const progressTokenMax = 1024

// read takes params._meta apart in one pass, and judges what does not depend
// on the era.
func (m *requestMeta) read(v codec.Value) *Error {
	*m = requestMeta{}
	if v.Kind() != codec.ObjectKind {
		return errParamsMeta
	}
	for it := v.Object().Members(); ; {
		key, v, more := it.Next()
		if !more {
			return nil
		}
		var at *codec.Value
		switch {
		case key.Is("progressToken"):
			if v.Kind() != codec.String && !isInteger(v) || len(v.Raw()) > progressTokenMax {
				return errProgressToken
			}
			at = &m.progressToken
		case key.Is(metaVersion):
			at, m.modern = &m.version, true
		case key.Is(metaCapabilities):
			at, m.modern = &m.capabilities, true
		case key.Is(metaClientInfo):
			at, m.modern = &m.clientInfo, true
		case key.Is(metaLogLevel):
			at, m.modern = &m.logLevel, true
		default:
			continue
		}
		// Two readers of one message must not see two revisions.
		if at.Kind() != codec.None {
			return errMetaTwice
		}
		*at = v
	}
}

// knownMeta is the last params._meta without a progress token that a Call object
// was given: what is written alike means the same, and nearly all requests of a
// client, and of clients of one kind, carry the same. It saves reading and
// judging it, which costs as much as all else in a small call.
type knownMeta struct {
	raw    []byte
	meta   requestMeta // aliases raw
	judged *revision   // that it was found right for, nil: none yet
	used   bool        // the current request has it
}

// knownMetaMax bounds what is remembered of one.
const knownMetaMax = 2048

// readMeta is requestMeta.read for the call's request. What it finds is valid
// until the call returns.
//
// Hot path: no allocation in the steady state.
func (c *Call) readMeta() *Error {
	k := &c.known
	k.used = false
	v, ok := c.engine.Params().Get("_meta")
	if !ok {
		c.meta = requestMeta{}
		return nil
	}
	raw := v.Raw()
	if len(k.raw) > 0 && bytes.Equal(raw, k.raw) {
		c.meta, k.used = k.meta, true
		return nil
	}
	if err := c.meta.read(v); err != nil {
		return err
	}
	if c.meta.modern && c.meta.progressToken.Kind() == codec.None && len(raw) <= knownMetaMax {
		k.raw, k.judged = append(k.raw[:0], raw...), nil
		if k.meta.read(codec.RawValue(k.raw)) == nil {
			c.meta, k.used = k.meta, true
		}
	}
	return nil
}

// judgeMeta is requestMeta.judgeModern for what readMeta has found.
func (c *Call) judgeMeta(rev *revision) *Error {
	if c.known.used && c.known.judged == rev {
		return nil
	}
	err := c.meta.judgeModern(rev)
	if c.known.used && err == nil {
		c.known.judged = rev
	}
	return err
}

// isInteger reports whether v is a number written without fraction and
// exponent. It may have any size: it is only echoed.
func isInteger(v codec.Value) bool {
	if v.Kind() != codec.Number {
		return false
	}
	for _, c := range v.Raw() {
		if c == '.' || c == 'e' || c == 'E' {
			return false
		}
	}
	return true
}

// judgeModern judges the members that belong to the modern era.
func (m *requestMeta) judgeModern(rev *revision) *Error {
	if m.capabilities.Kind() == codec.None {
		return errCapsMissing
	}
	if f := rev.capabilities.check(m.capabilities); f != nil {
		return metaFault(metaCapabilities, f)
	}
	if m.clientInfo.Kind() != codec.None {
		if f := rev.implementation.check(m.clientInfo); f != nil {
			return metaFault(metaClientInfo, f)
		}
	}
	if m.logLevel.Kind() != codec.None {
		if _, ok := logLevelOf(m.logLevel); !ok {
			return errLogLevel
		}
	}
	return nil
}

func metaFault(name string, f *fault) *Error { return invalidParams(f.under("_meta." + name).text()) }
