package mcp

import (
	"github.com/gannetmcp/gannet/codec"
)

// What does not depend on the request is rendered once and copied into
// answers: the results of initialize and server/discover, the pages of lists
// (catalog.go), what closes a modern result.

// capabilities is what the server can do, in all revisions.
const capabilities = `{"tools":{}}`

func (s *Server) appendServerInfo(b []byte, rev *revision) []byte {
	b = codec.AppendString(append(b, `{"name":`...), s.opts.Name)
	b = codec.AppendString(append(b, `,"version":`...), s.opts.Version)
	optional := func(known bool, key, v string) {
		if known && v != "" {
			b = codec.AppendString(append(append(append(b, `,"`...), key...), `":`...), v)
		}
	}
	optional(rev.titles, "title", s.opts.Title)
	optional(rev.icons, "description", s.opts.Description)
	optional(rev.icons, "websiteUrl", s.opts.WebsiteURL)
	return append(b, '}')
}

func (s *Server) initializeResult(rev *revision) []byte {
	if b := s.initialized[rev.index].Load(); b != nil {
		return *b
	}
	b := codec.AppendString([]byte(`{"protocolVersion":`), rev.name)
	b = append(append(b, `,"capabilities":`...), capabilities...)
	b = s.appendServerInfo(append(b, `,"serverInfo":`...), rev)
	b = append(s.appendInstructions(b), '}')
	s.initialized[rev.index].Store(&b)
	return b
}

func (s *Server) appendInstructions(b []byte) []byte {
	if s.opts.Instructions == "" {
		return b
	}
	return codec.AppendString(append(b, `,"instructions":`...), s.opts.Instructions)
}

func (s *Server) discoverResult() []byte {
	if b := s.discovered.Load(); b != nil {
		return *b
	}
	b := appendRevisions([]byte(`{"supportedVersions":`))
	b = append(append(b, `,"capabilities":`...), capabilities...)
	b = s.appendInstructions(b)
	b = append(s.appendCaching(b), s.modernTail...)
	s.discovered.Store(&b)
	return b
}

// appendRevisions appends the names of all revisions, a JSON array.
func appendRevisions(b []byte) []byte {
	b = append(b, '[')
	for i, name := range Revisions() {
		if i > 0 {
			b = append(b, ',')
		}
		b = codec.AppendString(b, name)
	}
	return append(b, ']')
}

// appendCaching appends what results that may be cached must say (2026-07-28,
// "Caching").
func (s *Server) appendCaching(b []byte) []byte {
	b = codec.AppendInt(append(b, `,"ttlMs":`...), s.opts.CacheTTL.Milliseconds())
	if s.opts.PrivateCache {
		return append(b, `,"cacheScope":"private"`...)
	}
	return append(b, `,"cacheScope":"public"`...)
}

// renderModernTail renders what closes a complete modern result.
func (s *Server) renderModernTail() []byte {
	b := []byte(`,"resultType":"complete","_meta":{"` + metaServerInfo + `":`)
	b = codec.AppendString(append(b, `{"name":`...), s.opts.Name)
	b = codec.AppendString(append(b, `,"version":`...), s.opts.Version)
	return append(b, "}}}"...)
}
