package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/alecthomas/kong"
)

type checkConfigCommand struct {
	JSON bool `help:"Print JSON."`
	settings
}

// Help is shown below the usage.
func (checkConfigCommand) Help() string {
	return `Examples:
  gannet check-config --config gannet.yaml
  GANNET_LOOPS=4 gannet check-config --json

Exit code 0 if gannet serve would take these settings, 2 if not.`
}

// setting is one row of the table.
type setting struct {
	Name   string `json:"name"`
	Value  any    `json:"value"`
	Source string `json:"source"` // flag, env NAME, file:line, default
}

// secret stands for values that are not to be shown.
const secret = "********"

// Run prints the table.
func (c *checkConfigCommand) Run(std *streams, ctx *kong.Context, file *configFile) error {
	if _, err := c.http(); err != nil {
		return err
	}
	if _, err := c.options(c.logger(std)); err != nil {
		return err
	}
	rows := resolved(ctx, file)
	if c.JSON {
		enc := json.NewEncoder(std.out)
		enc.SetIndent("", "  ")
		return enc.Encode(rows)
	}
	tw := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
	for _, r := range rows {
		fmt.Fprintf(tw, "%s\t%v\t%s\n", r.Name, show(r.Value), r.Source)
	}
	return tw.Flush()
}

func show(v any) string {
	if list, ok := v.([]string); ok {
		if len(list) == 0 {
			return "(the defaults)"
		}
		return strings.Join(list, ", ")
	}
	if s := fmt.Sprint(v); s != "" {
		return s
	}
	return "(none)"
}

// resolved returns all settings of a command with their sources.
func resolved(ctx *kong.Context, file *configFile) (rows []setting) {
	given := map[string]bool{}
	for _, p := range ctx.Path {
		if p.Flag != nil && !p.Resolved {
			given[p.Flag.Name] = true
		}
	}
	for _, flag := range ctx.Flags() {
		if flag.Name == "help" || flag.Name == "json" {
			continue
		}
		r := setting{Name: flag.Name, Value: flag.Target.Interface(), Source: "default"}
		if s, ok := r.Value.(fmt.Stringer); ok {
			r.Value = s.String()
		}
		switch {
		case given[flag.Name]:
			r.Source = "flag"
		case fromEnvironment(flag):
			r.Source = "env " + flag.Envs[0]
		default:
			if v, ok := file.values[flag.Name]; ok {
				r.Source = fmt.Sprintf("%s:%d", file.path, v.line)
			}
		}
		if flag.Tag.Has("secret") && fmt.Sprint(r.Value) != "" {
			r.Value = secret
		}
		rows = append(rows, r)
	}
	return rows
}
