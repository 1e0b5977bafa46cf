package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/gannetmcp/gannet"

// mayImport says which packages, beside the standard library's, the code of a
// folder may import; dependencies point down only. A folder that is not here
// may import anything (the rest of bench, fuzz, package main).
var mayImport = map[string][]string{
	"ringbuf":              {},
	"codec":                {module + "/ringbuf", "github.com/valyala/fastjson", "golang.org/x/sys/cpu"},
	"engine/registry":      {module + "/ringbuf", "github.com/cespare/xxhash/v2"},
	"engine/pool":          {module + "/ringbuf"},
	"engine":               {module + "/ringbuf", module + "/codec", module + "/engine/registry", module + "/engine/pool"},
	"engine/mcp":           {module + "/ringbuf", module + "/codec", module + "/engine", module + "/engine/registry", module + "/transports/sse", "github.com/google/jsonschema-go/jsonschema", "github.com/santhosh-tekuri/jsonschema/v6", "github.com/yosida95/uritemplate/v3", "golang.org/x/text/language", "golang.org/x/text/message"},
	"engine/mcp/fixture":   {module + "/engine/mcp"},
	"engine/mcp/mcptest":   {module + "/codec", module + "/engine", module + "/engine/mcp"},
	"transports/line":      {module + "/ringbuf"},
	"transports/httpfield": {},
	"transports/http1":     {module + "/ringbuf", module + "/transports/httpfield"},
	"transports/http2":     {module + "/ringbuf", module + "/transports/httpfield"},
	"transports/tlsconn":   {module + "/ringbuf"},
	"transports/websocket": {module + "/ringbuf", "github.com/klauspost/compress/flate"},
	"transports":           {module + "/ringbuf", module + "/codec", module + "/engine", module + "/engine/mcp", module + "/engine/pool", module + "/transports/line", module + "/transports/http1", module + "/transports/http2", module + "/transports/tlsconn", module + "/transports/web", module + "/transports/websocket", "github.com/panjf2000/gnet/v2", "github.com/panjf2000/gnet/v2/pkg/logging", "golang.org/x/sys/unix"},
	"transports/web":       {module + "/ringbuf", module + "/codec", module + "/engine", module + "/transports/http1", module + "/transports/http2", module + "/transports/httpfield", module + "/transports/websocket", "github.com/klauspost/compress/gzip", "github.com/klauspost/compress/zstd"},
	"transports/sse":       {module + "/ringbuf"},
	"transports/wiretest":  {"github.com/klauspost/compress/gzip", "github.com/klauspost/compress/zstd"},
	"transports/nethttp":   {module + "/codec", module + "/engine"},
	"transports/admin":     {module + "/ringbuf", module + "/engine", module + "/engine/mcp", module + "/transports", module + "/transports/tlsconn", module + "/transports/web"},
	"transports/webclient": {module + "/ringbuf", module + "/codec", module + "/engine", module + "/engine/mcp", module + "/engine/pool", module + "/transports", module + "/transports/sse"},
	// The load generator knows wire formats, not the engine that it measures.
	"bench/load":    {module + "/ringbuf", module + "/transports/sse", module + "/transports/websocket", module + "/transports/http2", "github.com/HdrHistogram/hdrhistogram-go", "golang.org/x/net/http2/hpack", "golang.org/x/sys/unix"},
	"bench/plot":    {},
	"bench/result":  {module + "/bench/load"},
	"bench/erlmcp":  {},
	"bench/subject": {module + "/bench/load"},
	"bench/perf":    {module + "/bench/load", module + "/bench/plot", module + "/bench/result", module + "/bench/erlmcp", module + "/bench/subject", module + "/bench/suite", module + "/bench/rounds", "github.com/alecthomas/kong", "github.com/google/pprof/profile"},
	"bench/rounds":  {module + "/bench/load", module + "/bench/result", module + "/bench/subject"},
	"bench/pooling": {module + "/engine/mcp", module + "/engine/pool", module + "/transports", module + "/bench/load", module + "/bench/result", "github.com/HdrHistogram/hdrhistogram-go", "golang.org/x/sys/unix"},
	// Certificates for tests, of the load generator's too.
	"transports/tlsconn/tlstest": {},
}

// jsonAllowed are the files that may use a general JSON library: everything
// else reads and writes JSON by package codec.
var jsonAllowed = []string{
	"codec/tree.go", // a DOM for handlers that want one
	"engine/mcp/typed.go",
	"engine/mcp/schema.go",
	"engine/mcp/slog.go",          // attributes of any type
	"engine/mcp/content_block.go", // what clients are asked, and answer
	"engine/mcp/elicitation.go",
	"engine/mcp/sampling.go",
	"engine/mcp/roots.go",
	"engine/mcp/state.go",
	"engine/mcp/http_sealed.go",
	"engine/mcp/mcptest", // a client for tests
	// The client is no hot path: what it sends and gets is Go values.
	"engine/mcp/client.go",
	"engine/mcp/client_elicitation.go",
	"engine/mcp/client_input.go",
	"engine/mcp/client_link.go",
	"engine/mcp/client_list.go",
	"engine/mcp/client_listen.go",
	"engine/mcp/client_negotiate.go",
	"engine/mcp/client_notify.go",
	"engine/mcp/client_options.go",
	"engine/mcp/client_prompts.go",
	"engine/mcp/client_request.go",
	"engine/mcp/client_resources.go",
	"engine/mcp/client_rounds.go",
	"engine/mcp/client_sampling.go",
	"engine/mcp/client_session.go",
	"engine/mcp/client_tasks.go",
	"engine/mcp/client_tools.go",
}

// clockAllowed are the files under engine/ that may read the time, wait, or
// start goroutines: everything else does so by Clock, Driver and Executor, so
// that tests run it on one goroutine with a time of their own.
var clockAllowed = []string{
	"engine/clock.go",        // implements Clock
	"engine/pool/workers.go", // implements the Executor
	"engine/mcp/mcptest",     // implements a Driver and a Clock for tests
	"engine/mcp/fixture",     // demo tools that wait, on a worker
	// A client's requests are waited for by the goroutines that sent them, each
	// with its own timer; its notifications are told on a goroutine that lives
	// as long as some wait.
	"engine/mcp/client_request.go",
	"engine/mcp/client_notify.go",
	"engine/clock.go",        // implements Clock
	"engine/pool/workers.go", // implements the Executor
	// A pool's connections are dialled, pinged, waited for and told of by
	// goroutines; its sizing is not, and has no clock.
	"engine/pool/pool.go",
	"engine/pool/breaker.go",
	"engine/pool/event.go",
	"engine/pool/redial.go",
	"engine/pool/upkeep.go",
	"engine/pool/wait.go",
	"engine/mcp/state.go",        // wall time, which outlives a process
	"engine/mcp/task.go",         // wall time, which clients are told
	"engine/mcp/http_sealed.go",  // wall time, which outlives a process
	"engine/mcp/http_session.go", // sessions that no connection owns, and one timer for what is idle
	"engine/mcp/http_stream.go",  // one timer for what keeps streams alive, on whatever engine
	"engine/mcp/task_table.go",   // one timer for what expires, which no connection owns
	"engine/mcp/mcptest",         // implements a Driver and a Clock for tests
	"engine/mcp/fixture",         // demo tools that wait, on a worker
}

// netHTTPAllowed are the folders and files that may import net/http: MCP itself is
// served without it, but where somebody asks for just that.
var netHTTPAllowed = []string{
	"transports/nethttp",
	"transports/webclient", // the client is no hot path
	"transports/admin",
	"serve.go", // the listener of transports/admin
	"bench",
}

// longAllowed are files past 500 lines, and why each is one thing.
var longAllowed = map[string]string{
	"codec/value_test.go": "one table for each cursor of Value",
}

// forbiddenNames say nothing about what is inside.
var forbiddenNames = []string{"util", "utils", "common", "helper", "helpers", "manager", "misc"}

// sourceFile is a Go file of the module.
type sourceFile struct {
	path string // with slashes, from the root
	text string
}

func (f sourceFile) dir() string { return path.Dir(f.path) }
func (f sourceFile) test() bool  { return strings.HasSuffix(f.path, "_test.go") }

// lint returns what is wrong with a file.
func lint(f sourceFile) (complaints []string) {
	fset := token.NewFileSet()
	bad := func(pos token.Pos, format string, args ...any) {
		complaints = append(complaints, fmt.Sprintf("%s:%d: ", f.path, fset.Position(pos).Line)+fmt.Sprintf(format, args...))
	}
	file, err := parser.ParseFile(fset, f.path, f.text, parser.ParseComments)
	if err != nil {
		return []string{err.Error()}
	}
	for _, part := range strings.Split(strings.TrimSuffix(f.path, ".go"), "/") {
		for _, word := range strings.Split(part, "_") {
			if slices.Contains(forbiddenNames, word) {
				bad(file.Package, "a name that says nothing: %q", part)
			}
		}
	}
	if n := strings.Count(f.text, "\n"); n > 500 {
		if reason := longAllowed[f.path]; reason == "" {
			bad(file.Package, "%d lines: is it two things?", n)
		}
	}
	if f.test() {
		return complaints
	}
	under := func(folders []string) bool {
		return slices.ContainsFunc(folders, func(a string) bool { return f.path == a || strings.HasPrefix(f.path, a+"/") })
	}
	inCore := f.dir() == "codec" || f.dir() == "engine" || strings.HasPrefix(f.dir(), "engine/")
	allowed, ruled := mayImport[f.dir()]
	for _, spec := range file.Imports {
		p, _ := strconv.Unquote(spec.Path.Value)
		if ruled && strings.Contains(p, ".") && !slices.Contains(allowed, p) {
			bad(spec.Pos(), "%s must not import %s", f.dir(), p)
		}
		if (p == "net/http" || strings.HasPrefix(p, "net/http/")) && !under(netHTTPAllowed) {
			bad(spec.Pos(), "%s outside of %v", p, netHTTPAllowed)
		}
		if inCore && (p == "encoding/json" || p == "github.com/valyala/fastjson") && !under(jsonAllowed) {
			bad(spec.Pos(), "%s outside of %v", p, jsonAllowed)
		}
	}
	if strings.HasPrefix(f.path, "engine/") && !under(clockAllowed) {
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				bad(n.Pos(), "a go statement outside of %v", clockAllowed)
			case *ast.SelectorExpr:
				if x, ok := n.X.(*ast.Ident); ok && x.Name == "time" {
					switch n.Sel.Name {
					case "Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker":
						bad(n.Pos(), "time.%s outside of %v", n.Sel.Name, clockAllowed)
					}
				}
			}
			return true
		})
	}
	if file.Name.Name != "main" {
		for _, d := range file.Decls {
			undocumented(d, bad)
		}
	}
	return complaints
}

// undocumented complains about exported names without a comment.
func undocumented(d ast.Decl, bad func(token.Pos, string, ...any)) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Name.IsExported() && d.Doc == nil && (d.Recv == nil || exportedReceiver(d.Recv)) {
			bad(d.Pos(), "%s has no comment", d.Name.Name)
		}
	case *ast.GenDecl:
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.TypeSpec:
				if s.Name.IsExported() && d.Doc == nil && s.Doc == nil {
					bad(s.Pos(), "%s has no comment", s.Name.Name)
				}
			case *ast.ValueSpec:
				for _, n := range s.Names {
					if n.IsExported() && d.Doc == nil && s.Doc == nil && s.Comment == nil {
						bad(s.Pos(), "%s has no comment", n.Name)
					}
				}
			}
		}
	}
}

func exportedReceiver(r *ast.FieldList) bool {
	t := r.List[0].Type
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
		case *ast.IndexExpr:
			t = x.X
		case *ast.Ident:
			return x.IsExported()
		default:
			return false
		}
	}
}

func TestLint(t *testing.T) {
	files := 0
	err := filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && p != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "bin" || d.Name() == "node_modules") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(p, ".go") {
			return nil
		}
		b, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		files++
		for _, c := range lint(sourceFile{filepath.ToSlash(p), string(b)}) {
			t.Error(c)
		}
		return nil
	})
	if err != nil || files < 100 {
		t.Fatalf("%d files, %v", files, err)
	}
}

// Each rule can say no, and lets pass what it should.
func TestLintRules(t *testing.T) {
	long := strings.Repeat("\n", 501)
	for _, tc := range []struct {
		path, text, complaint string
	}{
		{"codec/x.go", "package codec\nimport \"bytes\"\nvar _ = bytes.Clone", ""},
		{"codec/x.go", "package codec\nimport \"github.com/gannetmcp/gannet/engine\"\nvar _ engine.Call", "must not import"},
		{"transports/line/x.go", "package line\nimport \"github.com/panjf2000/gnet/v2\"\nvar _ gnet.Conn", "must not import"},
		{"transports/http1/x.go", "package http1\nimport \"github.com/gannetmcp/gannet/transports/httpfield\"\nvar _ httpfield.Class", ""},
		{"transports/http1/x.go", "package http1\nimport \"github.com/gannetmcp/gannet/transports/http2\"\nvar _ http2.Conn", "must not import"},
		{"transports/httpfield/x.go", "package httpfield\nimport \"github.com/gannetmcp/gannet/ringbuf\"\nvar _ ringbuf.Pool", "must not import"},
		{"transports/sse/x.go", "package sse\nimport \"github.com/gannetmcp/gannet/engine\"\nvar _ engine.Call", "must not import"},
		{"bench/load/x.go", "package load\nimport \"github.com/gannetmcp/gannet/engine\"\nvar _ engine.Call", "must not import"},
		{"bench/x/x.go", "package x\nimport \"github.com/panjf2000/gnet/v2\"\nvar _ gnet.Conn", ""},
		{"engine/x.go", "package engine\nimport \"encoding/json\"\nvar _ json.Number", "encoding/json"},
		{"engine/x_test.go", "package engine\nimport \"encoding/json\"\nvar _ json.Number", ""},
		{"engine/mcp/typed.go", "package mcp\nimport \"encoding/json\"\nvar _ json.Number", ""},
		{"transports/x.go", "package transports\nimport \"net/http\"\nvar _ http.Handler", "net/http outside"},
		{"codec/x.go", "package codec\nimport \"net/http/httptest\"\nvar _ httptest.Server", "net/http/httptest outside"},
		{"transports/nethttp/x.go", "package nethttp\nimport \"net/http\"\nvar _ http.Handler", ""},
		{"transports/nethttp/x.go", "package nethttp\nimport \"github.com/panjf2000/gnet/v2\"\nvar _ gnet.Conn", "must not import"},
		{"transports/nethttp/x.go", "package nethttp\nimport \"github.com/gannetmcp/gannet/transports\"\nvar _ transports.Options", "must not import"},
		{"transports/x_test.go", "package transports\nimport \"net/http\"\nvar _ http.Handler", ""},
		{"engine/x.go", "package engine\nimport \"time\"\nfunc f() { _ = time.Now() }", "time.Now"},
		{"engine/x.go", "package engine\nimport \"time\"\nfunc f() { <-time.After(1) }", "time.After"},
		{"engine/x.go", "package engine\nfunc f() { go f() }", "go statement"},
		{"engine/clock.go", "package engine\nimport \"time\"\nfunc f() { _ = time.Now() }", ""},
		{"transports/x.go", "package transports\nfunc f() { go f() }", ""},
		{"engine/util/x.go", "package util", "says nothing"},
		{"codec/helpers.go", "package codec", "says nothing"},
		{"codec/string_util.go", "package codec", "says nothing"},
		{"codec/utility.go", "package codec", ""},
		{"codec/x.go", "package codec\n" + long, "lines"},
		{"codec/value_test.go", "package codec\n" + long, ""},
		{"codec/x.go", "package codec\nfunc F() {}", "F has no comment"},
		{"codec/x.go", "package codec\ntype T struct{}", "T has no comment"},
		{"codec/x.go", "package codec\nconst C = 1", "C has no comment"},
		{"codec/x.go", "package codec\n// T is one.\ntype T struct{}\nfunc (T) M() {}", "M has no comment"},
		{"codec/x.go", "package codec\n// F is one.\nfunc F() {}\ntype t struct{}\nfunc (t) M() {}", ""},
		{"codec/x.go", "package codec\nfunc {", "expected"},
	} {
		got := strings.Join(lint(sourceFile{tc.path, tc.text}), "\n")
		if (got == "") != (tc.complaint == "") || !strings.Contains(got, tc.complaint) {
			t.Errorf("%s, %q: complaints %q, want one about %q", tc.path, tc.text, got, tc.complaint)
		}
	}
}

// An embedder links no command line and no YAML, and no HTTP server but what
// gnet's logger, zap, brings along: nothing else that engine/mcp and transports
// depend on imports net/http.
func TestLintDependencies(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./engine/mcp", "./transports").Output()
	if err != nil {
		t.Fatal(err)
	}
	all := 0
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		all++
		for _, not := range []string{"github.com/alecthomas/kong", "github.com/goccy/go-yaml", "github.com/HdrHistogram", "testing"} {
			if words[0] == not || strings.HasPrefix(words[0], not+"/") {
				t.Errorf("an embedder links %s", words[0])
			}
		}
		// A package of the standard library has no dot before its first slash.
		if first, _, _ := strings.Cut(words[0], "/"); strings.Contains(first, ".") && words[0] != "go.uber.org/zap" && slices.Contains(words[1:], "net/http") {
			t.Errorf("%s imports net/http", words[0])
		}
	}
	if all < 50 {
		t.Fatalf("%d packages: the list is not what it should be", all)
	}
	out, err = exec.Command("go", "list", "-deps", "./engine/mcp").Output()
	if err != nil || slices.Contains(strings.Fields(string(out)), "net/http") {
		t.Errorf("engine/mcp links net/http (%v)", err)
	}
}
