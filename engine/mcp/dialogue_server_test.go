package mcp_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"time"

	"github.com/gannetmcp/gannet/engine/mcp"
	"github.com/gannetmcp/gannet/engine/mcp/fixture"
)

// dialogueServer is what the dialogues talk to: the demo tools, one that has
// everything that a tool can have, and some whose results have a schema.
func dialogueServer() *mcp.Server {
	s := mcp.NewServer(mcp.Options{
		Name: "dialogue", Version: "1.2.3", Title: "A dialogue", Description: "For tests.", WebsiteURL: "https://example.org",
		Instructions: "Speak clearly.", CacheTTL: time.Minute, PrivateCache: true, PageSize: 3,
	})
	fixture.AddDemo(s)
	yes := true
	s.HandleTool(mcp.Tool{
		Name: "everything", Title: "Everything", Description: "All kinds of content.",
		InputSchema: []byte(`{"type":"object","properties":{"what":{"enum":["all","error","fail","panic","none","raw"]}}}`),
		Annotations: &mcp.ToolAnnotations{Title: "All", DestructiveHint: &yes},
		Icons:       []byte(`[{"src":"https://example.org/i.png","mimeType":"image/png"}]`),
		Meta:        []byte(`{"example.org/key":1}`),
	}, mcp.Inline, everything)
	s.HandleTool(mcp.Tool{
		Name: "point", OutputSchema: []byte(`{"type":"object","properties":{"x":{"type":"integer"}},"required":["x"]}`), Validate: true,
		InputSchema: []byte(`{"type":"object","properties":{"what":{"enum":["good","bad","none","failed"]}},"required":["what"]}`),
	}, mcp.Inline, point)
	s.HandleTool(mcp.Tool{
		Name: "list", OutputSchema: []byte(`{"type":"array","items":{"type":"integer"}}`),
	}, mcp.Inline, func(c *mcp.Call) error { return c.Reply().Structured([]byte("[1,\n2]")) })
	s.HandleTool(mcp.Tool{Name: "steps"}, mcp.Inline, func(c *mcp.Call) error {
		for _, p := range []float64{0, 0.5, 0.5, 0.25, 1} { // what does not increase is left out
			if err := c.Progress(p, 0, "step"); err != nil {
				return err
			}
		}
		c.Go(func(c *mcp.Call) error {
			for _, p := range []float64{1, 2} {
				if err := c.Progress(p, 2, ""); err != nil {
					return err
				}
			}
			return c.Reply().TextString("moved")
		})
		return nil
	})
	addDialogueFeatures(s)
	return s
}

// addDialogueFeatures adds prompts, resources, and tools that change things.
func addDialogueFeatures(s *mcp.Server) {
	half := 0.5
	s.HandleResource(mcp.Resource{
		URI: "test://static", Name: "static", Title: "Static", Description: "A text.", MIMEType: "text/plain", Size: 12,
		Annotations: &mcp.Annotations{Audience: []mcp.Role{mcp.User, mcp.Assistant}, Priority: &half, LastModified: "2026-01-02T03:04:05Z"},
		Icons:       []byte(`[{"src":"https://example.org/i.png"}]`), Meta: []byte(`{"example.org/key":1}`),
	}, mcp.Inline, func(c *mcp.Call) error { return c.Reply().TextString("static text\n") })
	s.HandleResource(mcp.Resource{URI: "test://blob", MIMEType: "application/octet-stream"}, mcp.Pooled, func(c *mcp.Call) error {
		return c.Reply().Blob([]byte{0, 1, 2, 255})
	})
	s.HandleResource(mcp.Resource{URI: "test://several"}, mcp.Inline, func(c *mcp.Call) error {
		r := c.Reply()
		return errors.Join(r.TextString("own"), r.Image([]byte("png"), "image/png"), r.Audio([]byte("wav"), "audio/wav"),
			r.Resource("test://other", "text/plain", []byte("other")), r.ResourceBlob("test://bytes", "", []byte("x")))
	})
	s.HandleResource(mcp.Resource{URI: "test://bad"}, mcp.Inline, func(c *mcp.Call) error {
		if err := c.Reply().Link("a:b", "b", ""); err == nil {
			return errors.New("a link in a resource")
		}
		if err := c.Reply().Structured([]byte("{}")); err == nil {
			return errors.New("structured content in a resource")
		}
		return nil // and no contents
	})
	s.HandleResourceTemplate(mcp.ResourceTemplate{
		URITemplate: "test://items/{lang}/{id}",
		Resource:    mcp.Resource{Name: "items", Title: "Items", Description: "By id.", MIMEType: "application/json"},
		Complete:    map[string]mcp.Completer{"id": mcp.CompleteFrom("10", "11", "20")},
	}, mcp.Pooled, func(c *mcp.Call) error {
		if c.Var("id") == "0" {
			return fmt.Errorf("item 0: %w", mcp.ErrNotFound)
		}
		return c.Reply().TextString(fmt.Sprintf(`{"id":%q,"lang":%q,"uri":%q}`, c.Var("id"), c.Var("lang"), c.URI()))
	})
	s.HandlePrompt(mcp.Prompt{
		Name: "greet", Title: "Greet", Description: "Says hello.",
		Arguments: []mcp.PromptArgument{
			{Name: "name", Title: "Name", Description: "whom to greet", Required: true, Complete: func(c *mcp.Call, value string) (mcp.Completion, error) {
				switch value {
				case "many":
					return mcp.Completion{Values: slices.Repeat([]string{"x"}, 101)}, nil
				case "fail":
					return mcp.Completion{}, mcp.ErrNotFound
				case "style":
					style, err := c.Args().StringCopy("style")
					return mcp.Completion{Values: []string{style}, Total: 7, HasMore: true}, err
				}
				return mcp.Completion{}, nil
			}},
			{Name: "style"},
		},
		Icons: []byte(`[{"src":"https://example.org/i.png"}]`), Meta: []byte(`{"example.org/key":1}`),
	}, mcp.Inline, func(c *mcp.Call) error {
		name, err := c.Args().Bytes("name")
		if err != nil {
			return err
		}
		r := c.Reply()
		err = errors.Join(r.TextString("Greet "+string(name)+"."), r.Image([]byte("png"), "image/png"), r.Audio([]byte("wav"), "audio/wav"))
		r.SetRole(mcp.Assistant)
		return errors.Join(err, r.TextString("Hello!"), r.Link("test://static", "static", ""), r.Resource("test://static", "text/plain", []byte("inside")),
			r.Block([]byte("{\"type\":\"text\",\n\"text\":\"raw\",\"annotations\":{\"priority\":1}}")))
	})
	s.HandlePrompt(mcp.Prompt{Name: "empty"}, mcp.Pooled, func(*mcp.Call) error { return nil })
	s.HandlePrompt(mcp.Prompt{Name: "failing"}, mcp.Pooled, func(*mcp.Call) error { return errors.New("a secret") })
	s.HandleTool(mcp.Tool{Name: "change"}, mcp.Inline, func(c *mcp.Call) error {
		hello := func(c *mcp.Call) error { return c.Reply().TextString("hello") }
		s.HandleTool(mcp.Tool{Name: "new"}, mcp.Inline, hello)
		s.HandlePrompt(mcp.Prompt{Name: "new"}, mcp.Inline, hello)
		s.HandleResource(mcp.Resource{URI: "test://new"}, mcp.Inline, hello)
		s.RemoveTool("new")
		return nil
	})
	s.HandleTool(mcp.Tool{Name: "touch"}, mcp.Inline, func(c *mcp.Call) error {
		uri, err := c.Args().StringCopy("uri")
		if err != nil {
			return err
		}
		s.ResourceUpdated(uri)
		return nil
	})
	s.HandleTool(mcp.Tool{Name: "ask"}, mcp.Pooled, askAll)
	s.HandleTool(mcp.Tool{Name: "ask-inline"}, mcp.Inline, askAll)
	s.HandlePrompt(mcp.Prompt{Name: "ask"}, mcp.Pooled, func(c *mcp.Call) error {
		roots, err := c.Roots("roots")
		if err != nil {
			return err
		}
		return c.Reply().TextString(fmt.Sprint(roots))
	})
	s.HandleResource(mcp.Resource{URI: "test://ask"}, mcp.Pooled, func(c *mcp.Call) error {
		roots, err := c.Roots("roots")
		if err != nil {
			return err
		}
		return c.Reply().TextString(fmt.Sprint(roots))
	})
	addDialogueTasks(s)
	log := slog.New(&mcp.LogHandler{Name: "slog"}).With("a", 1).WithGroup("g")
	s.HandleTool(mcp.Tool{Name: "log"}, mcp.Inline, func(c *mcp.Call) error {
		for l := mcp.LogDebug; l <= mcp.LogEmergency; l++ {
			if err := c.Log(l, "", []byte(`"`+l.String()+`"`)); err != nil {
				return err
			}
		}
		c.Go(func(c *mcp.Call) error {
			log.WarnContext(mcp.WithCall(c.Context(), c), "careful", "n", 2, slog.Group("h", "e", errors.New("failed")), "bad", math.NaN())
			if err := c.Reply().TextString("logged"); err != nil {
				return err
			}
			if err := c.Log(mcp.LogEmergency, "", []byte("1")); c.LogEnabled(mcp.LogEmergency) && err != mcp.ErrReplyBegun {
				return errors.New("a log message after the reply has begun")
			}
			return nil
		})
		return nil
	})
}

func everything(c *mcp.Call) error {
	what, err := c.Args().StringCopy("what")
	if err != nil {
		return err
	}
	switch what {
	case "error":
		_ = c.Reply().TextString("dropped")
		return errors.New("what a model is told")
	case "fail":
		return &mcp.Error{Code: -32099, Message: "a code of its own", Data: []byte(`{"k":1}`)}
	case "panic":
		panic("on the loop")
	case "none":
		return nil
	case "raw":
		return c.Reply().Raw([]byte(" {\"content\":\r\n[]} "))
	}
	r := c.Reply()
	return errors.Join(r.TextString("text"), r.Image([]byte("png"), "image/png"), r.Audio([]byte("wav"), "audio/wav"),
		r.Link("file:///x", "x", "text/plain"), r.Resource("file:///y", "text/plain", []byte("inside")))
}

func point(c *mcp.Call) error {
	what, err := c.Args().StringCopy("what")
	if err != nil {
		return err
	}
	switch what {
	case "bad":
		return c.Reply().Structured([]byte(`{"x":"one"}`))
	case "none":
		return c.Reply().TextString("no structure")
	case "failed":
		c.Reply().SetError()
		return c.Reply().TextString("not today")
	}
	return c.Reply().Structured([]byte(`{"x":1}`))
}

// askAll asks what its argument says.
func askAll(c *mcp.Call) error {
	what, err := c.Args().StringCopy("what")
	if err != nil {
		return err
	}
	form := &mcp.ElicitRequest{Message: "Who?", RequestedSchema: []byte(`{"type":"object","properties":{"name":{"type":"string"}},"required":["name"]}`)}
	sampling := &mcp.SamplingRequest{MaxTokens: 10, Messages: []mcp.SamplingMessage{{Role: mcp.User, Content: []mcp.Content{mcp.TextContent("Say.")}}}}
	say := func(v ...any) error { return c.Reply().TextString(fmt.Sprint(v...)) }
	switch what {
	case "form":
		r, err := c.Elicit("who", form)
		if err != nil {
			return err
		}
		return say(r.Action, r.Content)
	case "url":
		r, err := c.Elicit("url", &mcp.ElicitRequest{Message: "Sign in.", URL: "https://example.org/in", ElicitationID: "e1"})
		if err != nil {
			return err
		}
		if err := c.ElicitationComplete("e1"); err != nil {
			return err
		}
		return say(r.Accepted())
	case "sample":
		r, err := c.Sample("say", sampling)
		if err != nil {
			return err
		}
		return say(r.Role, r.Model, r.Text())
	case "tools":
		sampling.Tools = []byte(`[]`)
		_, err := c.Sample("say", sampling)
		return err
	case "roots":
		roots, err := c.Roots("roots")
		if err != nil {
			return err
		}
		return say(roots)
	case "three": // at once, where that can be
		e, err1 := c.Elicit("who", form)
		s, err2 := c.Sample("say", sampling)
		roots, err3 := c.Roots("roots")
		if err := errors.Join(err1, err2, err3); err != nil {
			return err
		}
		return say(e.Content["name"], s.Text(), len(roots))
	case "rounds": // the second question is made of the first answer
		if err := c.Log(mcp.LogInfo, "", []byte(`"round"`)); err != nil {
			return err
		}
		e, err := c.Elicit("who", form)
		if err != nil {
			return err
		}
		if c.State() == nil {
			c.SetState([]byte("kept"))
		}
		name := fmt.Sprint(e.Content["name"])
		sampling.SystemPrompt = name
		s, err := c.Sample("say", sampling)
		if err != nil {
			return err
		}
		return say(name, s.Text(), string(c.State()))
	case "late":
		if err := say("begun"); err != nil {
			return err
		}
		_, err := c.Roots("roots")
		return err
	case "bad":
		_, err := c.Elicit("x", &mcp.ElicitRequest{Message: "x", RequestedSchema: []byte(`{"type":"string"}`)})
		return err
	}
	return c.Args().Fail("what", "something to ask")
}

// addDialogueTasks adds tools that run as tasks.
func addDialogueTasks(s *mcp.Server) {
	s.HandleTool(mcp.Tool{Name: "slow", TaskSupport: mcp.TaskOptional}, mcp.Pooled, func(c *mcp.Call) error {
		c.SetTaskStatus("begun")
		if err := c.Progress(1, 2, ""); err != nil {
			return err
		}
		if err := c.Log(mcp.LogInfo, "", []byte(`"begun"`)); err != nil {
			return err
		}
		select {
		case <-time.After(15 * time.Second): // one block of a dialogue and a half
		case <-c.Context().Done():
			return context.Cause(c.Context())
		}
		return c.Reply().TextString(fmt.Sprint("slow, a task: ", c.InTask()))
	})
	s.HandleTool(mcp.Tool{Name: "needs-task", TaskSupport: mcp.TaskRequired}, mcp.Pooled, func(c *mcp.Call) error {
		what, err := c.Args().StringCopy("what")
		if err != nil {
			return err
		}
		switch what {
		case "fail":
			return errors.New("failed as it should")
		case "error":
			return &mcp.Error{Code: -32000, Message: "a protocol error"}
		case "panic":
			panic("in a task")
		}
		return askAll(c)
	})
	s.HandleTool(mcp.Tool{Name: "enters", TaskSupport: mcp.TaskEntered}, mcp.Pooled, func(c *mcp.Call) error {
		e, err := c.Elicit("who", &mcp.ElicitRequest{Message: "Who?", RequestedSchema: []byte(`{"type":"object","properties":{}}`)})
		if err != nil {
			return err
		}
		if err := c.EnterTask(); err != nil {
			return err
		}
		return c.Reply().TextString(fmt.Sprint(e.Content["name"], ", a task: ", c.InTask()))
	})
}
