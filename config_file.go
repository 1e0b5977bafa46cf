package main

import (
	"errors"
	"fmt"
	"os"
	"reflect"

	"github.com/alecthomas/kong"
	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// configFile is the configuration file as a source of flags. It is read when
// the first flag is asked for, since a flag names it.
type configFile struct {
	path   string
	read   bool
	values map[string]fileValue
}

// fileValue is the value of one key.
type fileValue struct {
	texts  []string // one, or the elements of a list
	list   bool
	line   int
	column int
}

// Validate is part of kong.Resolver.
func (f *configFile) Validate(*kong.Application) error { return nil }

// Resolve returns the file's value of a flag that neither the command line nor
// the environment sets.
func (f *configFile) Resolve(ctx *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	if !f.read {
		f.read = true
		if err := f.load(ctx); err != nil {
			return nil, err
		}
	}
	v, ok := f.values[flag.Name]
	if !ok || fromEnvironment(flag) {
		return nil, nil
	}
	if v.list && !flag.IsSlice() {
		return nil, f.fault(v.line, v.column, "%s takes one value, not a list", flag.Name)
	}
	// A first try, for an error that says where.
	for _, text := range v.texts {
		try := reflect.New(flag.Target.Type()).Elem()
		if err := flag.Parse(kong.Scan().PushTyped(text, kong.FlagValueToken), try); err != nil {
			return nil, f.fault(v.line, v.column, "%s: %v", flag.Name, err)
		}
		if err := inEnum(flag, text); err != nil {
			return nil, f.fault(v.line, v.column, "%s: %v", flag.Name, err)
		}
	}
	if v.list {
		list := make([]any, len(v.texts))
		for i, text := range v.texts {
			list[i] = text
		}
		return list, nil
	}
	return v.texts[0], nil
}

func inEnum(flag *kong.Flag, text string) error {
	if flag.Enum == "" || flag.EnumMap()[text] {
		return nil
	}
	return fmt.Errorf("must be one of %s", flag.Enum)
}

func fromEnvironment(flag *kong.Flag) bool {
	for _, e := range flag.Envs {
		if _, ok := os.LookupEnv(e); ok {
			return true
		}
	}
	return false
}

// load reads the file that --config or GANNET_CONFIG names, if one does.
func (f *configFile) load(ctx *kong.Context) error {
	known := map[string]bool{}
	for _, flag := range ctx.Flags() {
		if flag.Name == "config" {
			f.path, _ = ctx.FlagValue(flag).(string)
		} else if flag.Name != "help" {
			known[flag.Name] = true
		}
	}
	if f.path == "" {
		return nil
	}
	text, err := os.ReadFile(f.path)
	if err != nil {
		return err
	}
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		var syntax yaml.Error
		if errors.As(err, &syntax) {
			return fmt.Errorf("%s: %s", f.path, syntax.FormatError(false, true))
		}
		return fmt.Errorf("%s: %w", f.path, err)
	}
	f.values = map[string]fileValue{}
	for i, doc := range file.Docs {
		if i > 0 {
			return fmt.Errorf("%s: holds more than one document", f.path)
		}
		if doc.Body == nil {
			continue
		}
		pairs, ok := doc.Body.(ast.MapNode)
		if !ok {
			p := doc.Body.GetToken().Position
			return f.fault(p.Line, p.Column, "expected settings, a line each: name: value")
		}
		for it := pairs.MapRange(); it.Next(); {
			if err := f.pair(it.KeyValue(), known); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *configFile) pair(kv *ast.MappingValueNode, known map[string]bool) error {
	at := kv.Key.GetToken().Position
	name := kv.Key.GetToken().Value
	if !known[name] {
		if near := nearest(name, known); near != "" {
			return f.fault(at.Line, at.Column, "unknown setting %q; did you mean %q?", name, near)
		}
		return f.fault(at.Line, at.Column, "unknown setting %q; gannet serve --help lists them", name)
	}
	if _, twice := f.values[name]; twice {
		return f.fault(at.Line, at.Column, "%s is set twice", name)
	}
	v := fileValue{line: at.Line, column: at.Column}
	nodes := []ast.Node{kv.Value}
	if seq, ok := kv.Value.(*ast.SequenceNode); ok {
		nodes, v.list = seq.Values, true
	}
	for _, n := range nodes {
		s, ok := n.(ast.ScalarNode)
		if !ok || n.Type() == ast.NullType {
			return f.fault(at.Line, at.Column, "%s needs a value", name)
		}
		v.texts = append(v.texts, fmt.Sprint(s.GetValue()))
	}
	f.values[name] = v
	return nil
}

func (f *configFile) fault(line, column int, format string, args ...any) error {
	return fmt.Errorf("%s:%d:%d: %s", f.path, line, column, fmt.Sprintf(format, args...))
}

// nearest returns the known name that is at most three edits away from name,
// the closest one, or "".
func nearest(name string, known map[string]bool) (best string) {
	least := 4
	for k := range known {
		if d := distance(name, k); d < least || d == least && best != "" && k < best {
			least, best = d, k
		}
	}
	return best
}

// distance is Levenshtein's.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := diagonal
			if a[i-1] != b[j-1] {
				cost++
			}
			diagonal = row[j]
			row[j] = min(cost, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}
