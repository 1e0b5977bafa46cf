// Package mcp is the meaning of the messages: the Model Context Protocol, all
// five revisions from 2024-11-05 to 2026-07-28, as an engine.Service.
//
//	srv := mcp.NewServer(mcp.Options{Name: "weather", Version: "1.0"})
//	mcp.AddTool(srv, mcp.Tool{Name: "forecast"}, forecast)       // typed
//	srv.HandleTool(mcp.Tool{Name: "echo"}, mcp.Inline, echo)     // raw, without allocation
//	err := transports.ListenAndServe(ctx, srv, "stdio")
//
// # Eras
//
// Revisions up to 2025-11-25, called legacy, begin with an initialize request
// that binds a connection to a revision. From 2026-07-28 on, called modern,
// nothing is bound: each request names its revision in params._meta. One
// connection may speak both: a request with modern _meta is modern whatever
// came before it, every other request belongs to the connection's legacy
// session. revision.go has one table of all that differs.
//
// # Two levels
//
// A raw handler (Server.HandleTool) reads its arguments in place and appends
// its reply to the connection's output; nothing is allocated. A typed handler
// (AddTool) is a function on Go structs: schemas come from the types, arguments
// are validated and decoded, results encoded and checked.
//
// # Goroutines
//
// An Inline handler runs on the connection's event loop, which serves nobody
// else meanwhile: for handlers of microseconds. A Pooled handler runs on the
// worker pool and may block. Registering is safe from any goroutine at any time.
//
// # Ownership
//
// A *Call, and every []byte taken from it, is valid until the handler that was
// given it returns. What is handed to a Reply is copied before the method
// returns.
package mcp
