package mcp_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gannetmcp/gannet/engine/mcp/mcptest"
)

var update = flag.Bool("update", false, "write what the server answers into the dialogues")

// modernMeta is what $meta stands for in a dialogue.
const modernMeta = `"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{},` +
	`"io.modelcontextprotocol/clientInfo":{"name":"c","version":"1"}`

// modernCan is what $can stands for: $meta of a client that can be asked.
var modernCan = strings.Replace(modernMeta, `Capabilities":{}`, `Capabilities":{"sampling":{},"elicitation":{"form":{},"url":{}},"roots":{},"extensions":{"io.modelcontextprotocol/tasks":{}}}`, 1)

// A task's id is written as $task1, $task2 and so on, in the order in which they
// come.
var taskID = regexp.MustCompile(`"taskId":"([^"]{22})"`)

var requestState = regexp.MustCompile(`"requestState":"([^"]+)"`)

// TestDialogues plays the files of testdata/dialogue, each on a connection of
// its own. A folder is named after the revision that its messages are for, and
// "mixed" is for more than one. In a file,
//
//	# is a remark
//	> is sent
//	< must come, after what was sent above it, in this order and to the byte
//
// and nothing else may come. In what is sent, $meta stands for the members that
// params._meta has in each request of revision 2026-07-28, $can for those of a
// client that can be asked, and $state for the last requestState that came,
// which is written so, too. Each block of lines
// that are sent is given ten seconds, which take none; a remark ends a block.
// What ends at one moment comes in any order, so that calls which take time
// need blocks of their own, or times. With -update the lines that must come are
// written anew.
//
// With GANNET_MCP_SCHEMAS, a folder with the schemas that the protocol is
// published with, each line that comes is judged by that of its revision, too.
func TestDialogues(t *testing.T) {
	files, err := filepath.Glob("testdata/dialogue/*/*.txt")
	if err != nil || len(files) < 40 {
		t.Fatalf("%d dialogues, %v", len(files), err)
	}
	schemas := loadSchemas(t)
	for _, file := range files {
		revision := filepath.Base(filepath.Dir(file))
		t.Run(revision+"/"+strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			synctest.Test(t, func(t *testing.T) { play(t, string(text), &out, newJudge(t, schemas, revision)) })
			if *update {
				if err := os.WriteFile(file, out.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if out.String() != string(text) {
				t.Errorf("the dialogue went another way (run with -update and look at the difference):\n%s", difference(string(text), out.String()))
			}
		})
	}
}

// play sends what a dialogue says and writes down how it went.
func play(t *testing.T, text string, out *bytes.Buffer, judge *judge) {
	c := mcptest.New(t, dialogueServer())
	sent, state := false, ""
	var tasks []string // names and ids, in turn
	listen := func() {
		if !sent {
			return
		}
		sent = false
		time.Sleep(10 * time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		for {
			m, err := c.Receive(ctx)
			if err != nil {
				return
			}
			judge.received(m)
			if found := requestState.FindStringSubmatch(m); found != nil {
				state = found[1]
				m = strings.Replace(m, state, "$state", 1)
			}
			for _, found := range taskID.FindAllStringSubmatch(m, -1) {
				if !slices.Contains(tasks, found[1]) {
					tasks = append(tasks, fmt.Sprintf("$task%d", len(tasks)/2+1), found[1])
				}
			}
			for i := 0; i < len(tasks); i += 2 {
				m = strings.ReplaceAll(m, tasks[i+1], tasks[i])
			}
			fmt.Fprintf(out, "< %s\n", m)
		}
	}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case strings.HasPrefix(line, "> "):
			out.WriteString(line + "\n")
			m := strings.NewReplacer(append(tasks, "$meta", modernMeta, "$state", state, "$can", modernCan)...).Replace(line[2:])
			judge.sent(m)
			c.Send(m)
			sent = true
		case strings.HasPrefix(line, "< "):
			listen()
		case line == "" || strings.HasPrefix(line, "#"):
			listen()
			out.WriteString(line + "\n")
		default:
			t.Fatalf("no line of a dialogue: %s", line)
		}
	}
	listen()
}

// difference shows the first line in which two texts differ.
func difference(want, got string) string {
	a, b := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range max(len(a), len(b)) {
		x, y := "(nothing)", "(nothing)"
		if i < len(a) {
			x = a[i]
		}
		if i < len(b) {
			y = b[i]
		}
		if x != y {
			return fmt.Sprintf("line %d\n  want %s\n  got  %s\n", i+1, x, y)
		}
	}
	return ""
}
