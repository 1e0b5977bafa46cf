package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/gannetmcp/gannet/transports/tlsconn/tlstest"
)

// Each way to go wrong has its exit code and says what to do; so has each way
// to go right.
func TestExitCodes(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	cert, key := tlstest.Files(t, tlstest.NewAuthority(t, "authority").Issue(t, "localhost"))
	for _, tc := range []struct {
		name string
		env  []string
		args []string
		code int
		says string // on standard error, or on standard output for code 0
	}{
		{"help", nil, []string{"--help"}, 0, "gannet serve --demo"},
		{"help of serve", nil, []string{"serve", "--help"}, 0, "Examples:"},
		{"version", nil, []string{"version"}, 0, "gannet"},
		{"check-config", nil, []string{"check-config"}, 0, "max-in-flight"},
		{"completion bash", nil, []string{"completion", "bash"}, 0, "complete"},
		{"completion zsh", nil, []string{"completion", "zsh"}, 0, "compdef"},
		{"completion fish", nil, []string{"completion", "fish"}, 0, "complete"},
		{"good file", nil, []string{"check-config", "--config", write("good.yaml", "loops: 2\nlisten: [stdio]\n")}, 0, "good.yaml:1"},
		{"empty file", nil, []string{"check-config", "--config", write("empty.yaml", "")}, 0, "loops"},
		{"nothing", nil, nil, 2, "--help"},
		{"unknown command", nil, []string{"sevre"}, 2, "sevre"},
		{"unknown flag", nil, []string{"serve", "--lisen", "stdio"}, 2, "--lisen"},
		{"flag without value", nil, []string{"serve", "--listen"}, 2, "--listen"},
		{"no number", nil, []string{"serve", "--loops", "two"}, 2, "loops"},
		{"no size", nil, []string{"serve", "--max-message-bytes", "16MB"}, 2, "KiB"},
		{"negative size", nil, []string{"serve", "--max-message-bytes=-1"}, 2, "size"},
		{"out of range", nil, []string{"serve", "--max-message-bytes", "10"}, 2, "1024"},
		{"no duration", nil, []string{"serve", "--call-timeout", "soon"}, 2, "call-timeout"},
		{"no such choice", nil, []string{"serve", "--flush", "sometimes"}, 2, "batch"},
		{"environment out of range", []string{"GANNET_LOOPS=two"}, []string{"serve"}, 2, "GANNET_LOOPS"},
		{"unknown scheme", nil, []string{"serve", "--listen", "udp://127.0.0.1:1"}, 2, "ws://HOST:PORT/PATH, wss://HOST:PORT/PATH and unix:///PATH"},
		{"no port", nil, []string{"serve", "--listen", "tcp://127.0.0.1"}, 2, "tcp://HOST:PORT"},
		{"stdio twice", nil, []string{"serve", "--listen", "stdio", "--listen", "stdio"}, 2, "listed twice"},
		{"an address twice", nil, []string{"serve", "--listen", "tcp://127.0.0.1:7,tcp://127.0.0.1:7"}, 2, "listed twice"},
		{"every address", nil, []string{"serve", "--listen", "tcp://0.0.0.0:0"}, 2, "--insecure"},
		{"every address of IPv6", nil, []string{"serve", "--listen", "tcp://[::]:0"}, 2, "--insecure"},
		{"no host", nil, []string{"serve", "--listen", "tcp://:0"}, 2, "--insecure"},
		{"another machine's address", nil, []string{"serve", "--listen", "tcp://192.0.2.1:0"}, 2, "--insecure"},
		{"no such file", nil, []string{"serve", "--config", filepath.Join(dir, "absent.yaml")}, 2, "absent.yaml"},
		{"unknown key", nil, []string{"serve", "--config", write("key.yaml", "loops: 1\nmax-in-fligth: 5\n")}, 2, "key.yaml:2"},
		{"unknown key, near", nil, []string{"serve", "--config", filepath.Join(dir, "key.yaml")}, 2, `did you mean "max-in-flight"?`},
		{"key twice", nil, []string{"serve", "--config", write("twice.yaml", "loops: 1\nloops: 2\n")}, 2, "loops"},
		{"wrong type", nil, []string{"serve", "--config", write("type.yaml", "demo: true\nloops: many\n")}, 2, "type.yaml:2"},
		{"list where a value is wanted", nil, []string{"serve", "--config", write("list.yaml", "loops: [1, 2]\n")}, 2, "list.yaml:1"},
		{"no settings", nil, []string{"serve", "--config", write("scalar.yaml", "hello\n")}, 2, "scalar.yaml:1"},
		{"no YAML", nil, []string{"serve", "--config", write("bad.yaml", "a: [1\n")}, 2, "bad.yaml"},
		{"two documents", nil, []string{"serve", "--config", write("two.yaml", "loops: 1\n---\nloops: 2\n")}, 2, "more than one document"},
		{"no room for so many files", nil, []string{"serve", "--listen", "tcp://127.0.0.1:0", "--max-connections", "9000000"}, 3, "ulimit"},
		{"port taken", nil, []string{"serve", "--listen", "tcp://" + taken.Addr().String()}, 3, "--listen"},
		{"path taken", nil, []string{"serve", "--listen", "unix://" + write("file", "x")}, 3, "no socket"},
		{"no folder for the socket", nil, []string{"serve", "--listen", "unix://" + dir + "/no/such/socket"}, 3, "socket"},
		{"path of an address", nil, []string{"serve", "--listen", "http://127.0.0.1:0/ws"}, 2, "ws:// and wss:// alone"},
		{"every address, WebSocket", nil, []string{"serve", "--listen", "ws://0.0.0.0:0/ws"}, 2, "--insecure"},
		{"path of WebSocket", nil, []string{"serve", "--ws-path", "ws"}, 2, "begins with a slash"},
		{"no ping may be missed", nil, []string{"serve", "--ws-missed-pings", "0"}, 2, "--ws-missed-pings"},
		{"no time to close", nil, []string{"serve", "--ws-close-timeout", "0s"}, 2, "--ws-close-timeout"},
		{"WebSocket as it may be", nil, []string{"check-config", "--listen", "ws://127.0.0.1:0/x", "--ws-path", "none", "--ws-compress-min", "0", "--ws-ping", "0s"}, 0, "ws-path"},
		{"TLS without a certificate", nil, []string{"serve", "--listen", "tls://127.0.0.1:0"}, 2, "--tls-self-signed"},
		{"a certificate without a key", nil, []string{"serve", "--tls-cert", write("some.pem", "x")}, 2, "--tls-key"},
		{"a certificate that is none", nil, []string{"serve", "--tls-cert", write("some.pem", "x"), "--tls-key", write("key.pem", "x")}, 2, "some.pem"},
		{"no such certificate", nil, []string{"check-config", "--tls-cert", dir + "/no.pem", "--tls-key", dir + "/no.key"}, 2, "no such file"},
		{"authorities alone", nil, []string{"serve", "--tls-client-ca", write("some.pem", "x")}, 2, "--tls-client-ca without"},
		{"authorities that are none", nil, []string{"serve", "--tls-self-signed", "--listen", "tls://127.0.0.1:0", "--tls-client-ca", write("some.pem", "x")}, 3, "no certificate in it"},
		{"keys of tickets without a certificate", nil, []string{"serve", "--tls-ticket-keys", write("some.keys", "x")}, 2, "--tls-ticket-keys without"},
		{"keys of tickets that are none", nil, []string{"check-config", "--tls-cert", cert, "--tls-key", key, "--tls-ticket-keys", write("some.keys", "x")}, 2, "some.keys"},
		{"an old version", nil, []string{"serve", "--tls-min-version", "1.1"}, 2, "1.3"},
		{"no handshakes", nil, []string{"serve", "--tls-max-handshakes=-1"}, 2, "TLS.MaxHandshakes"},
		{"TLS as it may be", nil, []string{"check-config", "--tls-self-signed", "--listen", "https://0.0.0.0:0", "--tls-min-version", "1.2", "--tls-handshake-timeout", "0s", "--tls-reload", "0s"}, 0, "tls-self-signed"},
		{"sessions below zero", nil, []string{"serve", "--http-sessions=-1"}, 2, "--http-sessions"},
		{"a short session key", nil, []string{"serve", "--http-session-keys", write("short", "secret\n")}, 2, "at least 16"},
		{"no session key", nil, []string{"serve", "--http-session-keys", write("blank", "# none\n\n")}, 2, "nothing in it"},
		{"no token", nil, []string{"serve", "--http-tokens", write("names", "ann secret-a\nbob\n")}, 2, "entry 2"},
		{"a token of two", nil, []string{"serve", "--http-tokens", write("same", "ann secret-a\nbob secret-a\n")}, 2, "entry 2"},
		{"no folder for the profile", nil, []string{"serve", "--listen", "tcp://127.0.0.1:0", "--cpu-profile", dir + "/no/cpu.prof"}, 1, "--cpu-profile"},
		{"no folder for the address file", nil, []string{"serve", "--listen", "tcp://127.0.0.1:0", "--addr-file", dir + "/no/addr"}, 1, "--addr-file"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := start(t, tc.env, tc.args...)
			out, _ := io.ReadAll(p.out)
			code := p.exit()
			said := p.stderr.String()
			if tc.code == 0 {
				said = string(out)
			}
			if code != tc.code || !strings.Contains(said, tc.says) {
				t.Errorf("exit code %d, want %d; said %q, want %q in it\n%s", code, tc.code, said, tc.says, out)
			}
			if tc.code != 0 && len(out) > 0 {
				t.Errorf("on standard output: %q", out)
			}
		})
	}
}

// Flags win over the environment, that over the file, that over defaults; and
// check-config says which it was.
func TestPrecedence(t *testing.T) {
	file := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(file, []byte("loops: 3\nname: from-file\nmax-in-flight: 33\nlisten:\n  - stdio\n  - tcp://127.0.0.1:7\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	env := []string{"GANNET_LOOPS=4", "GANNET_NAME=from-env", "GANNET_CONFIG=" + file, "GANNET_MAX_MESSAGE_BYTES=2MiB"}
	p := start(t, env, "check-config", "--loops", "5")
	out, _ := io.ReadAll(p.out)
	if code := p.exit(); code != 0 {
		t.Fatalf("code %d: %s", code, p.stderr.String())
	}
	for name, want := range map[string][2]string{
		"loops":             {"5", "flag"},
		"name":              {"from-env", "GANNET_NAME"},
		"max-in-flight":     {"33", "c.yaml:3"},
		"max-message-bytes": {"2MiB", "GANNET_MAX_MESSAGE_BYTES"},
		"listen":            {"stdio", "c.yaml:4"},
		"max-batch":         {"256", "default"},
	} {
		found := false
		for line := range strings.Lines(string(out)) {
			if f := strings.Fields(line); len(f) > 0 && f[0] == name {
				found = true
				if !strings.Contains(line, want[0]) || !strings.Contains(line, want[1]) {
					t.Errorf("%q, want %v", line, want)
				}
			}
		}
		if !found {
			t.Errorf("%s is missing in\n%s", name, out)
		}
	}
}

// Every setting has a flag with a text, a variable of its name, a key of the
// file, and a line in check-config.
func TestEverySetting(t *testing.T) {
	show := func(args ...string) string {
		p := start(t, nil, args...)
		b, _ := io.ReadAll(p.out)
		if code := p.exit(); code != 0 {
			t.Fatalf("%v: code %d: %s", args, code, p.stderr.String())
		}
		return string(b)
	}
	help, config := show("serve", "--help"), show("check-config")
	typ := reflect.TypeFor[settings]()
	for i := range typ.NumField() {
		f := typ.Field(i)
		env := f.Tag.Get("env")
		flag := strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(env, "GANNET_"), "_", "-"))
		if env == "" || f.Tag.Get("help") == "" {
			t.Errorf("%s has no variable or no text", f.Name)
			continue
		}
		if !strings.Contains(help, "--"+flag) && !strings.Contains(help, "--[no-]"+flag) || !strings.Contains(help, "$"+env) {
			t.Errorf("--%s or $%s is missing in the help", flag, env)
		}
		if !strings.Contains(config, "\n"+flag+" ") && !strings.HasPrefix(config, flag+" ") {
			t.Errorf("%s is missing in check-config", flag)
		}
	}
}

func TestVersionJSON(t *testing.T) {
	p := start(t, nil, "version", "--json")
	var v struct {
		Version, Go, OS, Arch string
		Revisions             []string
	}
	if err := json.NewDecoder(p.out).Decode(&v); err != nil {
		t.Fatal(err)
	}
	if p.exit() != 0 || v.Version == "" || v.Go != runtime.Version() || v.OS != runtime.GOOS || len(v.Revisions) != 5 {
		t.Errorf("%+v", v)
	}
}

// The scripts are ones that the shells take.
func TestCompletionScripts(t *testing.T) {
	for shell, check := range map[string][]string{"bash": {"-n"}, "zsh": {"-n"}, "fish": {"-n"}} {
		path, err := exec.LookPath(shell)
		if err != nil {
			t.Logf("no %s here", shell)
			continue
		}
		p := start(t, nil, "completion", shell)
		script, _ := io.ReadAll(p.out)
		cmd := exec.Command(path, check...)
		cmd.Stdin = bytes.NewReader(script)
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(script), "max-in-flight") {
			t.Errorf("%s: %v: %s", shell, err, out)
		}
	}
}

// What a setting marked as a secret holds is shown by no command.
func TestSecretsMasked(t *testing.T) {
	var cmd struct {
		Token string `secret:"" env:"GANNET_TEST_TOKEN"`
		Plain string
		Empty string `secret:""`
	}
	app, err := kong.New(&cmd)
	if err != nil {
		t.Fatal(err)
	}
	ctx, err := app.Parse([]string{"--token", "hush", "--plain", "loud"})
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprint(resolved(ctx, &configFile{}))
	if strings.Contains(got, "hush") || !strings.Contains(got, "{token "+secret+" flag}") || !strings.Contains(got, "loud") || !strings.Contains(got, "{empty  default}") {
		t.Errorf("shown: %s", got)
	}
}
