// Package nethttp serves an engine.ExchangeService, such as an mcp.Server, as an
// http.Handler: behind any mux, any middleware, TLS and HTTP/2 of net/http.
//
//	h, err := nethttp.New(srv, nethttp.Options{})
//	mux.Handle("/mcp", h)
//
// It is the slower lane. The service, its rules and its limits are those of
// transports.Listen (transports/HTTP.md); what differs is what carries them: a
// goroutine, a connection of the engine and some garbage for each request, where
// the event loop has none. Choose it for what net/http has: a program that has
// such a server already, certificates, HTTP/2, middleware.
//
// Each request is a connection of the engine for as long as it is answered, so
// what Snapshot and the Observer tell of connections is told of requests. A
// client that goes away, in any way that net/http notices, ends its request: what
// it asked for is cancelled in revision 2026-07-28, and goes on without it in
// older ones.
//
// This package knows neither gnet nor package transports.
package nethttp
