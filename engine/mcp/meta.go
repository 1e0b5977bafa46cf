package mcp

import "github.com/gannetmcp/gannet/codec"

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

// requestMeta is what params._meta says. It aliases the message. A Value of
// no kind was not given.
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
func (m *requestMeta) read(params codec.Object) *Error {
	*m = requestMeta{}
	v, ok := params.Get("_meta")
	if !ok {
		return nil
	}
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
