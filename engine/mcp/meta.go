package mcp

import "github.com/gannetmcp/gannet/codec"

// Names of members of params._meta (revision 2026-07-28, "Per-request
// metadata").
const (
	metaPrefix       = "io.modelcontextprotocol/"
	metaVersion      = metaPrefix + "protocolVersion"
	metaCapabilities = metaPrefix + "clientCapabilities"
	metaClientInfo   = metaPrefix + "clientInfo"
	metaServerInfo   = metaPrefix + "serverInfo"
)

// requestMeta is what params._meta says. It aliases the message.
type requestMeta struct {
	raw           codec.Object
	version       codec.Value // "" of ours: none
	capabilities  codec.Value
	clientInfo    codec.Value
	progressToken codec.Value
	modern        bool // a member of the modern era is there
}

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
	m.raw = v.Object()
	for it := m.raw.Members(); ; {
		key, v, more := it.Next()
		if !more {
			return nil
		}
		switch {
		case key.Is("progressToken"):
			if v.Kind() != codec.String {
				if v.Kind() != codec.Number || !isInteger(v.Raw()) {
					return errProgressToken
				}
			}
			m.progressToken = v
		case key.Is(metaVersion):
			m.version, m.modern = v, true
		case key.Is(metaCapabilities):
			m.capabilities, m.modern = v, true
		case key.Is(metaClientInfo):
			m.clientInfo, m.modern = v, true
		}
	}
}

// isInteger reports whether a JSON number is written without fraction and
// exponent. It may have any size: it is only echoed.
func isInteger(raw []byte) bool {
	for i, c := range raw {
		if (c < '0' || c > '9') && (i > 0 || c != '-') {
			return false
		}
	}
	return len(raw) > 0
}

// judgeModern judges the members that each modern request must have.
func (m *requestMeta) judgeModern() *Error {
	switch {
	case len(m.capabilities.Raw()) == 0:
		return errCapsMissing
	case m.capabilities.Kind() != codec.ObjectKind:
		return errCapsType
	case len(m.clientInfo.Raw()) > 0 && m.clientInfo.Kind() != codec.ObjectKind:
		return errClientInfoType
	}
	return nil
}
