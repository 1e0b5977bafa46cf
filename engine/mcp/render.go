package mcp

import (
	"github.com/gannetmcp/gannet/codec"
)

// What does not depend on the request is rendered once and copied into
// answers: the results of initialize and server/discover, the pages of lists
// (catalog.go), what closes a modern result.

// rendered is a result and what it depends on.
type rendered struct {
	offer offer
	b     []byte
}

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
	offer := s.offer()
	if r := s.initialized[rev.index].Load(); r != nil && r.offer == offer {
		return r.b
	}
	b := codec.AppendString([]byte(`{"protocolVersion":`), rev.name)
	b = offer.appendCapabilities(append(b, `,"capabilities":`...), rev)
	b = s.appendServerInfo(append(b, `,"serverInfo":`...), rev)
	b = append(s.appendInstructions(b), '}')
	s.initialized[rev.index].Store(&rendered{offer, b})
	return b
}

func (s *Server) appendInstructions(b []byte) []byte {
	if s.opts.Instructions == "" {
		return b
	}
	return codec.AppendString(append(b, `,"instructions":`...), s.opts.Instructions)
}

func (s *Server) discoverResult() []byte {
	offer := s.offer()
	if r := s.discovered.Load(); r != nil && r.offer == offer {
		return r.b
	}
	b := appendRevisions([]byte(`{"supportedVersions":`))
	b = offer.appendCapabilities(append(b, `,"capabilities":`...), modernOne)
	b = s.appendInstructions(b)
	b = append(s.appendCaching(b), s.modernTail...)
	s.discovered.Store(&rendered{offer, b})
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

const completeTail = `,"resultType":"complete",`

// modernMeta is what closes any modern result: its _meta, and the brace behind.
func (s *Server) modernMeta() []byte { return s.modernTail[len(completeTail):] }

// renderModernTail renders what closes a complete modern result.
func (s *Server) renderModernTail() []byte {
	b := []byte(completeTail + `"_meta":{"` + metaServerInfo + `":`)
	b = codec.AppendString(append(b, `{"name":`...), s.opts.Name)
	b = codec.AppendString(append(b, `,"version":`...), s.opts.Version)
	return append(b, "}}}"...)
}
