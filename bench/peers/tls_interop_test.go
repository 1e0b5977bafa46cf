package peers

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/xml"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	coder "github.com/coder/websocket"
	gobwas "github.com/gobwas/ws"
)

// program finds one that these tests drive. Where it is not there they are left
// out, but not in CI, which installs it.
func program(t *testing.T, name, pkg string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("%s is not there; install it (apt-get install %s)", name, pkg)
		}
		t.Skip(name + " is not there")
	}
	return path
}

// secured is a gannet with TLS.
type secured struct {
	tls, https string // HOST:PORT
	cert       string // file of its certificate
}

// serveTLS starts one with a certificate of its own making.
func serveTLS(t *testing.T, args ...string) secured {
	t.Helper()
	dir := t.TempDir()
	s := secured{cert: filepath.Join(dir, "cert.pem")}
	urls := startGannet(t, append([]string{"--demo", "--tls-self-signed", "--tls-cert", s.cert, "--tls-key", filepath.Join(dir, "key.pem"),
		"--listen", "tls://127.0.0.1:0", "--listen", "https://127.0.0.1:0"}, args...)...)
	s.tls, s.https = strings.TrimPrefix(urls[0], "tls://"), strings.TrimPrefix(urls[1], "https://")
	return s
}

// sClient is a running openssl s_client.
type sClient struct {
	t   *testing.T
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bytes.Buffer
	got chan string // what it prints, by the line
}

// openssl runs s_client against s.
func openssl(t *testing.T, address, cert string, args ...string) *sClient {
	t.Helper()
	args = append([]string{"s_client", "-connect", address, "-servername", "localhost", "-CAfile", cert, "-verify_return_error"}, args...)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	cmd := exec.CommandContext(ctx, program(t, "openssl", "openssl"), args...)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	r, w := io.Pipe()
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := &sClient{t: t, cmd: cmd, in: in, out: &bytes.Buffer{}, got: make(chan string, 4096)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		lines := bufio.NewScanner(r)
		for lines.Scan() {
			c.got <- lines.Text()
		}
		close(c.got)
	}()
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait()
		_ = w.Close()
		<-done
	})
	return c
}

// until reads up to a line that contains want.
func (c *sClient) until(want string) {
	c.t.Helper()
	for {
		select {
		case line, ok := <-c.got:
			if !ok {
				c.t.Fatalf("openssl ended before %q:\n%s", want, c.out)
			}
			fmt.Fprintln(c.out, line)
			if strings.Contains(line, want) {
				return
			}
		case <-time.After(30 * time.Second):
			c.t.Fatalf("no %q from openssl:\n%s", want, c.out)
		}
	}
}

// ping asks and wants the answer.
func (c *sClient) ping(id int) {
	c.t.Helper()
	fmt.Fprintf(c.in, `{"jsonrpc":"2.0","id":%d,"method":"ping"}`+"\n", id)
	c.until(fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"result":{}}`, id))
}

// quit has it end the connection by close_notify.
func (c *sClient) quit() {
	c.t.Helper()
	fmt.Fprintln(c.in, "Q")
	c.until("DONE")
}

// Each suite, of both versions, by OpenSSL; others are refused by an alert.
func TestOpenSSLSuites(t *testing.T) {
	s := serveTLS(t, "--tls-min-version", "1.2")
	for _, suite := range []string{"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"} {
		c := openssl(t, s.tls, s.cert, "-tls1_3", "-ciphersuites", suite)
		c.until("New, TLSv1.3, Cipher is " + suite)
		c.until("Verify return code: 0 (ok)")
		c.ping(1)
		c.quit()
	}
	for _, suite := range []string{"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305"} {
		c := openssl(t, s.tls, s.cert, "-tls1_2", "-cipher", suite)
		c.until("New, TLSv1.2, Cipher is " + suite)
		c.ping(1)
		c.quit()
	}
	for _, suite := range []string{"ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES128-SHA256", "ECDHE-RSA-AES128-GCM-SHA256", "AES128-GCM-SHA256"} {
		openssl(t, s.tls, s.cert, "-tls1_2", "-cipher", suite+":@SECLEVEL=0").until("SSL alert number 40")
	}
}

// Versions that are not promised are refused by alert 70, protocol_version.
func TestOpenSSLVersions(t *testing.T) {
	s := serveTLS(t)
	for _, version := range []string{"-tls1", "-tls1_1", "-tls1_2"} {
		openssl(t, s.tls, s.cert, version, "-cipher", "ALL:@SECLEVEL=0").until("SSL alert number 70")
	}
	c := openssl(t, s.tls, s.cert)
	c.until("New, TLSv1.3")
	c.ping(1)
	c.quit()
}

// Keys are updated by OpenSSL, with ours asked for and without, and all goes on.
func TestOpenSSLKeyUpdate(t *testing.T) {
	s := serveTLS(t)
	c := openssl(t, s.tls, s.cert)
	c.ping(1)
	for i, command := range []string{"k", "K", "K", "k"} {
		fmt.Fprintln(c.in, command)
		c.until("KEYUPDATE")
		c.ping(10 + i)
	}
	c.quit()
}

// A session is resumed, in both versions.
func TestOpenSSLResumption(t *testing.T) {
	s := serveTLS(t, "--tls-min-version", "1.2")
	for flag, version := range map[string]string{"-tls1_3": "TLSv1.3", "-tls1_2": "TLSv1.2"} {
		file := filepath.Join(t.TempDir(), "session")
		c := openssl(t, s.tls, s.cert, flag, "-sess_out", file)
		c.until("New, " + version)
		c.ping(1)
		c.quit()
		c = openssl(t, s.tls, s.cert, flag, "-sess_in", file)
		c.until("Reused, " + version)
		c.ping(2)
		c.quit()
	}
}

// A session of one process is resumed by another that has its keys of tickets.
func TestOpenSSLTicketKeys(t *testing.T) {
	keys := filepath.Join(t.TempDir(), "keys")
	b, err := exec.CommandContext(t.Context(), program(t, "openssl", "openssl"), "rand", "-base64", "32").Output()
	if err == nil {
		err = os.WriteFile(keys, b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "session")
	s := serveTLS(t, "--tls-ticket-keys", keys)
	c := openssl(t, s.tls, s.cert, "-sess_out", file)
	c.until("New, TLSv1.3")
	c.ping(1)
	c.quit()
	other := serveTLS(t, "--tls-ticket-keys", keys)
	c = openssl(t, other.tls, s.cert, "-sess_in", file)
	c.until("Reused, TLSv1.3")
	c.ping(2)
	c.quit()
}

// Requests, then the end of our half: OpenSSL gets all answers and an orderly end.
func TestOpenSSLEnd(t *testing.T) {
	s := serveTLS(t)
	c := openssl(t, s.tls, s.cert, "-quiet", "-no_ign_eof")
	fmt.Fprintf(c.in, "%s\n%s\n", `{"jsonrpc":"2.0","id":1,"method":"ping"}`, `{"jsonrpc":"2.0","id":2,"method":"ping"}`)
	c.until(`"id":2,"result":{}}`)
	_ = c.in.Close()
	if err := c.cmd.Wait(); err != nil {
		t.Errorf("openssl: %v\n%s", err, c.out)
	}
}

func curl(t *testing.T, s secured, url string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program(t, "curl", "curl"), append([]string{"-q", "-sS", "-i", "--noproxy", "*", "--max-time", "20", "--cacert", s.cert, url}, args...)...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// curl over https, by both versions of HTTP and of TLS, with a call and an event
// stream; and what it is told that leaves the s out.
func TestCurlHTTPS(t *testing.T) {
	s := serveTLS(t, "--tls-min-version", "1.2")
	const call = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"text":"hello"},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}`
	headers := []string{"-H", "Content-Type: application/json", "-H", "Accept: application/json, text/event-stream", "-H", "MCP-Protocol-Version: 2026-07-28", "-H", "Mcp-Method: tools/call", "-H", "Mcp-Name: echo", "-d", call}
	for _, tc := range []struct{ flag, want string }{
		{"--http1.1", "HTTP/1.1 200"}, {"--http2", "HTTP/2 200"}, {"--no-alpn", "HTTP/1.1 200"}, {"--tls-max=1.2", "HTTP/2 200"},
	} {
		args := append(strings.Split(tc.flag, "="), headers...)
		out, err := curl(t, s, "https://localhost:"+s.https[strings.LastIndex(s.https, ":")+1:]+"/mcp", args...)
		if err != nil || !strings.HasPrefix(out, tc.want) || !strings.Contains(out, `"text":"hello"`) {
			t.Errorf("%s: %v\n%s", tc.flag, err, out)
		}
	}
	if out, err := curl(t, s, "http://"+s.https+"/"); err != nil || !strings.HasPrefix(out, "HTTP/1.1 400") || !strings.Contains(out, "https://") {
		t.Errorf("without the s: %v\n%s", err, out)
	}
	if out, err := curl(t, s, "https://"+s.https+"/", "--tls-max", "1.1", "--ciphers", "DEFAULT@SECLEVEL=0"); err == nil {
		t.Errorf("TLS 1.1: %s", out)
	}
}

// scan is what sslscan finds.
type scan struct {
	Test struct {
		Protocols []struct {
			Type    string `xml:"type,attr"`
			Version string `xml:"version,attr"`
			Enabled string `xml:"enabled,attr"`
		} `xml:"protocol"`
		Ciphers []struct {
			Version string `xml:"sslversion,attr"`
			Cipher  string `xml:"cipher,attr"`
		} `xml:"cipher"`
		Groups []struct {
			Name string `xml:"name,attr"`
		} `xml:"group"`
		Renegotiation struct {
			Supported string `xml:"supported,attr"`
		} `xml:"renegotiation"`
		Heartbleed []struct {
			Vulnerable string `xml:"vulnerable,attr"`
		} `xml:"heartbleed"`
	} `xml:"ssltest"`
}

// What sslscan finds is what is promised: versions, suites and groups, and none of
// the old mistakes.
func TestSSLScan(t *testing.T) {
	path := program(t, "sslscan", "sslscan")
	for _, tc := range []struct {
		args     []string
		versions []string
		ciphers  int
	}{
		{nil, []string{"tls 1.3"}, 3},
		{[]string{"--tls-min-version", "1.2"}, []string{"tls 1.2", "tls 1.3"}, 6},
	} {
		s := serveTLS(t, tc.args...)
		for _, address := range []string{s.tls, s.https} {
			out, err := exec.CommandContext(t.Context(), path, "--xml=-", address).Output()
			var found scan
			if err == nil {
				err = xml.Unmarshal(out, &found)
			}
			if err != nil {
				t.Fatalf("sslscan: %v\n%s", err, out)
			}
			var enabled, groups []string
			for _, p := range found.Test.Protocols {
				if p.Enabled == "1" {
					enabled = append(enabled, p.Type+" "+p.Version)
				}
			}
			slices.Sort(enabled)
			if !slices.Equal(enabled, tc.versions) {
				t.Errorf("versions %q, want %q", enabled, tc.versions)
			}
			for _, c := range found.Test.Ciphers {
				if !strings.Contains(c.Cipher, "GCM") && !strings.Contains(c.Cipher, "POLY1305") || c.Version == "TLSv1.2" && !strings.HasPrefix(c.Cipher, "ECDHE-") {
					t.Errorf("suite %s in %s", c.Cipher, c.Version)
				}
			}
			if len(found.Test.Ciphers) != tc.ciphers {
				t.Errorf("%d suites, want %d", len(found.Test.Ciphers), tc.ciphers)
			}
			for _, g := range found.Test.Groups {
				groups = append(groups, g.Name)
			}
			for _, g := range groups { // the one of ML-KEM it does not know
				if !strings.Contains(g, "P-256") && !strings.Contains(g, "25519") {
					t.Errorf("group %s", g)
				}
			}
			if len(groups) < 2 || found.Test.Renegotiation.Supported != "0" {
				t.Errorf("groups %q, renegotiation %q", groups, found.Test.Renegotiation.Supported)
			}
			for _, h := range found.Test.Heartbleed {
				if h.Vulnerable != "0" {
					t.Error("heartbleed")
				}
			}
		}
		// It has sent hellos of all kinds; the server serves on.
		c := openssl(t, s.tls, s.cert)
		c.ping(1)
		c.quit()
	}
}

// A client of TLS is a client of lines: the official library speaks over it.
func TestInteropTLS(t *testing.T) {
	for _, lib := range libraries {
		if lib.stream == nil {
			continue
		}
		t.Run(lib.name, func(t *testing.T) {
			s := serveTLS(t)
			conn, err := dialTLS(s)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			c, err := lib.stream(t, "", conn)
			if err != nil {
				t.Fatal(err)
			}
			exercise(t, lib, c, "")
		})
	}
}

// WebSocket over TLS: libraries' clients at the port of https.
func TestInteropWSS(t *testing.T) {
	for name, dial := range map[string]func(url string, c *tls.Config) (wsMessages, error){
		"coder": func(url string, c *tls.Config) (wsMessages, error) {
			web := &http.Client{Transport: &http.Transport{TLSClientConfig: c}}
			t.Cleanup(web.CloseIdleConnections)
			conn, _, err := coder.Dial(context.Background(), url, &coder.DialOptions{Subprotocols: []string{"mcp"}, HTTPClient: web})
			if err != nil {
				return nil, err
			}
			conn.SetReadLimit(-1)
			return coderMessages{conn}, nil
		},
		"gobwas": func(url string, c *tls.Config) (wsMessages, error) {
			conn, br, _, err := gobwas.Dialer{Protocols: []string{"mcp"}, TLSConfig: c}.Dial(context.Background(), url)
			if err != nil {
				return nil, err
			}
			m := gobwasMessages{Conn: conn, r: conn, mu: &sync.Mutex{}}
			if br != nil {
				m.r = io.MultiReader(br, conn)
			}
			return m, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := serveTLS(t)
			c, err := clientTLS(s)
			if err != nil {
				t.Fatal(err)
			}
			m, err := dial("wss://"+s.https+"/ws", c)
			if err != nil {
				t.Fatal(err)
			}
			session, err := goSDK.stream(t, "", &wsLines{wsMessages: m})
			if err != nil {
				t.Fatal(err)
			}
			exercise(t, goSDK, session, "")
		})
	}
}

// dialTLS connects as a program would that was told whom to trust.
func dialTLS(s secured) (net.Conn, error) {
	c, err := clientTLS(s)
	if err != nil {
		return nil, err
	}
	return tls.Dial("tcp", s.tls, c)
}

// clientTLS trusts the server's certificate.
func clientTLS(s secured) (*tls.Config, error) {
	b, err := os.ReadFile(s.cert)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(b)
	return &tls.Config{RootCAs: roots, ServerName: "localhost"}, nil
}
