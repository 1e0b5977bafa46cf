// Package mcp is the meaning of the messages: the Model Context Protocol, all
// five revisions from 2024-11-05 to 2026-07-28, as an engine.Service.
//
//	srv := mcp.NewServer(mcp.Options{Name: "weather", Version: "1.0"})
//	mcp.AddTool(srv, mcp.Tool{Name: "forecast"}, forecast)       // typed
//	srv.HandleTool(mcp.Tool{Name: "echo"}, mcp.Inline, echo)     // raw, without allocation
//	err := transports.ListenAndServe(ctx, srv, "stdio")
//
// # Clients
//
// A Client is the other half: an engine.Service whose connections are sessions
// that ask servers, of any of the revisions.
//
//	client := mcp.NewClient(mcp.ClientOptions{Name: "assistant", Version: "1.0"})
//	s, err := transports.Dial(ctx, client, "tcp://127.0.0.1:7600", transports.DialOptions{})
//	r, err := s.CallTool(ctx, "forecast", map[string]string{"city": "Bergen"})
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
// # What a server offers
//
// Tools (HandleTool, AddTool), prompts (HandlePrompt), resources
// (HandleResource) and resource templates (HandleResourceTemplate) may come and
// go at any time; clients that want to know are told, 10 ms after a change and
// once for all of them. A capability is declared once something of its kind is
// registered. ResourceUpdated tells those who have subscribed to a resource.
//
// A handler can report progress (Call.Progress), log to its client (Call.Log,
// LogHandler), and ask it: Call.Elicit, Call.Sample and Call.Roots. A legacy
// client is sent a request, and the handler waits for the answer. A modern one
// is asked by the result of its own request, and sends it again with the
// answer: the handler returns ErrInputRequired and later runs anew, with all
// answers so far; what it needs to remember beside them it keeps by SetState.
// So one handler serves both, as long as it does nothing before its last
// question that must not be done twice.
//
// A tool with TaskSupport can be called as a task, whose result is fetched
// later: that of 2025-11-25, or of the extension io.modelcontextprotocol/tasks.
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
