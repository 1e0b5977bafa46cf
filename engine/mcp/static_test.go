package mcp_test

import "github.com/gannetmcp/gannet/engine/mcp"

// addStatic adds a prompt and a resource that never change.
func addStatic(s *mcp.Server) {
	s.HandlePrompt(mcp.Prompt{Name: "static", Description: "A prompt.", Arguments: []mcp.PromptArgument{{Name: "text", Required: true}}}, mcp.Inline, func(c *mcp.Call) error {
		text, err := c.Args().Bytes("text")
		if err != nil {
			return err
		}
		return c.Reply().Text(text)
	})
	text := make([]byte, 1000)
	for i := range text {
		text[i] = 'x'
	}
	s.HandleResource(mcp.Resource{URI: "bench://static", MIMEType: "text/plain"}, mcp.Inline, func(c *mcp.Call) error {
		return c.Reply().Text(text)
	})
}
