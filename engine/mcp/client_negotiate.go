package mcp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/gannetmcp/gannet/codec"
)

// Negotiate agrees with the server on a revision. Transports call it once for
// each connection that was opened, before the session is used; requests wait
// until it has been done. When it fails the connection is of no use.
//
// Without ClientOptions.Revision it asks server/discover first, as the modern
// era has it. A server that answers with an error of another kind, or not
// within ProbeTimeout, is one of the legacy era, and gets initialize
// (2026-07-28, "Version negotiation"; 2025-11-25, "Lifecycle").
//
// Errors wrap ErrNegotiation where both sides speak but not the same.
func (s *ClientSession) Negotiate(ctx context.Context) error {
	s.mu.Lock()
	l := s.link
	s.mu.Unlock()
	if l == nil {
		return errors.New("mcp: Negotiate before a connection was opened")
	}
	rev, info, err := l.negotiate(ctx)
	if err != nil {
		return err
	}
	info.Revision = rev.name
	l.rev.Store(rev)
	if err := s.established(l, info); err != nil {
		return err
	}
	s.mu.Lock()
	level := s.logLevel
	s.mu.Unlock()
	if level != "" && !rev.modern { // chosen on an earlier connection
		return l.setLogLevel(ctx, level)
	}
	return nil
}

func (l *link) negotiate(ctx context.Context) (*revision, *ServerInfo, error) {
	pinned := revisionOf(l.session.client.opts.Revision)
	if pinned != nil && !pinned.modern {
		return l.initialize(ctx, pinned, true)
	}
	d, err := l.probe(ctx, pinned != nil)
	switch {
	case err != nil && !errors.Is(err, errLegacyServer):
		return nil, nil, err
	case err == nil && slices.Contains(d.SupportedVersions, modernOne.name):
		return modernOne, d.info(), nil
	case err == nil && pinned != nil:
		return nil, nil, fmt.Errorf("%w: the server knows %v, ClientOptions.Revision is %s; leave it empty to use what both know", ErrNegotiation, d.SupportedVersions, pinned.name)
	case err == nil:
		rev := newestOf(d.SupportedVersions)
		if rev == nil {
			return nil, nil, fmt.Errorf("%w: the server knows %v, this client %v", ErrNegotiation, d.SupportedVersions, Revisions())
		}
		return l.initialize(ctx, rev, false)
	}
	return l.initialize(ctx, latestLegacy, false)
}

// newestOf returns the newest legacy revision in names, nil if there is none.
func newestOf(names []string) *revision {
	for i := latestLegacy.index; i >= 0; i-- {
		if slices.Contains(names, revisions[i].name) {
			return &revisions[i]
		}
	}
	return nil
}

// discovery is the result of server/discover.
type discovery struct {
	SupportedVersions []string
	Capabilities      json.RawMessage
	Instructions      string
	Meta              struct {
		ServerInfo implementationJSON `json:"io.modelcontextprotocol/serverInfo"`
	} `json:"_meta"`
}

func (d *discovery) info() *ServerInfo {
	return serverInfoOf(d.Meta.ServerInfo, d.Capabilities, d.Instructions)
}

func serverInfoOf(i implementationJSON, capabilities json.RawMessage, instructions string) *ServerInfo {
	if len(capabilities) == 0 {
		capabilities = json.RawMessage("{}")
	}
	return &ServerInfo{
		Name: i.Name, Version: i.Version, Title: i.Title, Description: i.Description, WebsiteURL: i.WebsiteURL,
		Instructions: instructions, Capabilities: capabilities,
	}
}

// errLegacyServer says that a server does not know the modern era.
var errLegacyServer = errors.New("mcp: the server does not know server/discover")

// probe asks server/discover. A server that refuses the revision tells which
// it knows: then only SupportedVersions is set. A server that must be modern
// is given the whole request timeout, and its error is returned as it is.
func (l *link) probe(ctx context.Context, must bool) (*discovery, error) {
	var o requestOptions
	if !must {
		o.timeout = l.session.client.opts.ProbeTimeout
	}
	raw, err := l.request(ctx, modernOne, askDiscover, params{}, o)
	var rpc *Error
	if errors.As(err, &rpc) && rpc.Code == codec.CodeUnsupportedVersion {
		var data struct{ Supported []string }
		if json.Unmarshal(rpc.Data, &data) == nil && slices.Contains(data.Supported, modernOne.name) {
			// It refuses what it says it knows: perhaps another server behind the
			// same address, one of a fleet that is being updated. Once more.
			raw, err = l.request(ctx, modernOne, askDiscover, params{}, o)
		}
	}
	switch {
	case errors.As(err, &rpc) && rpc.Code == codec.CodeUnsupportedVersion:
		var data struct{ Supported []string }
		if json.Unmarshal(rpc.Data, &data) != nil || len(data.Supported) == 0 {
			return nil, fmt.Errorf("%w: the server refuses %s and does not say what it knows: %w", ErrNegotiation, modernOne.name, err)
		}
		// What it has just refused is not worth another try.
		return &discovery{SupportedVersions: slices.DeleteFunc(data.Supported, func(v string) bool { return v == modernOne.name })}, nil
	case must && err != nil:
		return nil, fmt.Errorf("%w: the server does not answer server/discover: %w", ErrNegotiation, err)
	case errors.As(err, &rpc) && (rpc.Code == codec.CodeHeaderMismatch || rpc.Code == codec.CodeMissingCapability):
		return nil, err // a modern server with something to complain about
	case errors.As(err, &rpc), errors.Is(err, ErrRequestTimeout), errors.Is(err, ErrBadAnswer), errors.Is(err, ErrNotServed):
		return nil, errLegacyServer
	case err != nil:
		return nil, err
	}
	d := &discovery{}
	if json.Unmarshal(raw, d) != nil || len(d.SupportedVersions) == 0 {
		if must {
			return nil, fmt.Errorf("%w: result of server/discover: %s", ErrBadAnswer, clip(string(raw), 200))
		}
		return nil, errLegacyServer
	}
	return d, nil
}

// initialize agrees on a legacy revision: the one asked for, or where that is
// not pinned another one that the server prefers and we know.
func (l *link) initialize(ctx context.Context, rev *revision, pinned bool) (*revision, *ServerInfo, error) {
	c := l.session.client
	raw, err := l.request(ctx, rev, askInitialize, params{
		"protocolVersion": mustMarshal(rev.name),
		"capabilities":    c.capabilities[rev.index],
		"clientInfo":      c.info,
	}, requestOptions{})
	if err != nil {
		return nil, nil, fmt.Errorf("mcp: initialize: %w", err)
	}
	var r struct {
		ProtocolVersion string
		Capabilities    json.RawMessage
		ServerInfo      implementationJSON
		Instructions    string
	}
	if err := decodeResult(askInitialize, raw, &r); err != nil {
		return nil, nil, err
	}
	got := revisionOf(r.ProtocolVersion)
	switch {
	case got == nil || got.modern:
		return nil, nil, fmt.Errorf("%w: the server chose %q, which this client does not initialize; it knows %v", ErrNegotiation, clip(r.ProtocolVersion, versionShown), Revisions())
	case pinned && got != rev:
		return nil, nil, fmt.Errorf("%w: the server chose %s, ClientOptions.Revision is %s; leave it empty to use what both know", ErrNegotiation, got.name, rev.name)
	}
	l.rev.Store(got) // the server may ask as soon as it has read what follows
	if err := l.notify(notificationInitialized, nil); err != nil {
		return nil, nil, err
	}
	return got, serverInfoOf(r.ServerInfo, r.Capabilities, r.Instructions), nil
}

const notificationInitialized = "notifications/initialized"
