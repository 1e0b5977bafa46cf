package mcp

// Use puts middleware around every request: around the handler of the tool, the
// prompt or the resource that is asked for, on the goroutine where that runs,
// and around the built-in handler for other methods. What is given first, in this call or an earlier
// one, is outermost. A middleware calls next, or answers itself; it may look at
// the error that next returns, and replace it, unless next has answered itself,
// as built-in handlers do (Engine().Answered, Engine().Code). Chains are composed
// here and at registration, never per request.
//
// Requests that are refused before their method is looked at (no session, bad
// _meta, limits) do not reach middleware.
func (s *Server) Use(mw ...func(next Handler) Handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.middleware = append(s.middleware, mw...)
	s.chains.Store(newChains(s, s.middleware))
	s.tools.rewrap(s.middleware, func(t *tool, r registration) *tool {
		other := *t
		other.registration = r
		return &other
	})
	s.prompts.rewrap(s.middleware, func(p *prompt, r registration) *prompt {
		other := *p
		other.registration = r
		return &other
	})
	s.resources.rewrap(s.middleware, func(p *resource, r registration) *resource {
		other := *p
		other.registration = r
		return &other
	})
	s.templates.rewrap(s.middleware, func(t *template, r registration) *template {
		other := *t
		other.registration = r
		return &other
	})
}

// wrap returns h with middleware around it, the first outermost.
func wrap(h Handler, mw []func(Handler) Handler) Handler {
	for i := len(mw) - 1; i >= 0; i-- {
		if h = mw[i](h); h == nil {
			panic("mcp: middleware returned a nil Handler")
		}
	}
	return h
}
