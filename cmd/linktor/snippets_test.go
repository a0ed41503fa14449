package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/linktor/linktor/internal/config"
)

// asCommand makes the test program behave as linktor, for snippets that call it.
const asCommand = "LINKTOR_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
	}
	os.Exit(m.Run())
}

// notRun are blocks that no test of this package can run, by the beginning of their
// first line.
var notRun = map[string]string{
	"go run ./cmd/linktor": "is the server that the other snippets talk to",
	"make test":            "is what runs this test",
	"scripts/with-services.sh go test ./conversations/...": "is what runs this test",
	`import { Linktor } from '@linktor/sdk'`:               "scripts/sdk.sh runs it with Node.js",
	"test -e .env || cat > .env <<END":                     "needs Docker",
	"docker compose":                                       "needs Docker",
	"chat.example.com {":                                   "is the configuration of another program",
	"[Unit]":                                               "is the configuration of another program",
	"make bench":                                           "takes minutes",
	"make chaos":                                           "takes minutes",
	"INGEST (postgres)":                                    "is what a run prints",
}

var fence = regexp.MustCompile("(?ms)^```(\\w*)\n(.*?)^```$")

// TestSnippets runs every code block of the README and the documentation against
// a server in embedded mode, as a reader would.
func TestSnippets(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	var pages []string
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/tutorials/*.md", "docs/how-to/*.md", "docs/explanation/*.md", "docs/reference/errors.md"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, found...)
	}
	s := startServer(t)
	for _, page := range pages {
		data, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		name, _ := filepath.Rel(root, page)
		for _, m := range fence.FindAllStringSubmatch(string(data), -1) {
			first, _, _ := strings.Cut(m[2], "\n")
			t.Run(name+"/"+first, func(t *testing.T) { s.try(t, m[1], m[2]) })
		}
	}
}

// testServer is a running server and a folder with what snippets expect.
type testServer struct{ dir, url, key, channel string }

func startServer(t *testing.T) *testServer {
	t.Helper()
	s := &testServer{dir: t.TempDir()}
	t.Chdir(s.dir)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	for name, text := range map[string]string{
		"token.txt": "EAAGtoken", "app-secret.txt": "0123456789abcdef0123456789abcdef", "password.txt": "pw",
		"database-url": "postgres://linktor@127.0.0.1/linktor", "secret-key": strings.Repeat("k", 44), "media-secret-key": "k",
		"linktor": "#!/bin/sh\nexec env " + asCommand + "=1 LINKTOR_LISTEN=" + address + " " + os.Args[0] + " \"$@\"\n",
	} {
		if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	ready, ended := make(chan []byte, 1), make(chan int, 1)
	var log bytes.Buffer
	go func() {
		ended <- run(ctx, []string{"serve", "--json", "--listen", address}, nil, lineWriter(ready), &log)
	}()
	t.Cleanup(func() {
		stop()
		if code := <-ended; code != exitOK {
			t.Errorf("the server ended with %d:\n%s", code, log.String())
		}
	})
	select {
	case line := <-ready:
		var welcome struct{ URL, APIKey, ChannelID string }
		if err := json.Unmarshal(line, &welcome); err != nil {
			t.Fatal(err)
		}
		s.url, s.key, s.channel = welcome.URL, welcome.APIKey, welcome.ChannelID
	case <-time.After(time.Minute):
		t.Fatal("the server did not start")
	}
	return s
}

// lineWriter hands the first write to a channel.
type lineWriter chan []byte

func (w lineWriter) Write(p []byte) (int, error) {
	select {
	case w <- bytes.Clone(p):
	default:
	}
	return len(p), nil
}

func (s *testServer) try(t *testing.T, language, text string) {
	first, _, _ := strings.Cut(text, "\n")
	for begins, reason := range notRun {
		if first == begins || strings.HasPrefix(first, begins+" ") {
			t.Log(reason)
			return
		}
	}
	switch language {
	case "json":
		if !json.Valid([]byte(text)) {
			t.Error("this is not JSON")
		}
	case "toml":
		file := filepath.Join(s.dir, "snippet.toml")
		if err := os.WriteFile(file, []byte(strings.ReplaceAll(text, "/etc/linktor", s.dir)), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := config.Load(config.Sources{File: file}); err != nil {
			t.Error(err)
		}
	case "sh":
		s.shell(t, text)
	default:
		t.Errorf("nothing runs blocks of %q: give a reason in notRun", language)
	}
}

// shell runs the block as a reader would who puts in their own values.
func (s *testServer) shell(t *testing.T, text string) {
	text = strings.NewReplacer(
		"go run ./cmd/linktor", "linktor", "https://chat.example.com", s.url, "http://127.0.0.1:8080", s.url,
		"channels/ch_…", "channels/"+s.channel, "verify ch_…", "verify "+s.channel, "curl -sS", "curl -sS --fail-with-body",
		"baseUrl=https://…", "baseUrl=https://link.example.com", "username=…", "username=demo", "platformId=…", "platformId=COMMON_API",
		"platformPartnerId=…", "platformPartnerId=1", `["…"]`, `["gate"]`,
	).Replace(text)
	cmd := exec.Command("bash", "-euo", "pipefail", "-c", text)
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), "PATH="+s.dir+":"+os.Getenv("PATH"), "LINKTOR_API_KEY="+s.key)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // to stop what the shell started
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(text, "events tail") { // runs until it is stopped
		time.AfterFunc(3*time.Second, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }) // it may have ended
	}
	err := cmd.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGTERM {
		err = nil // the shell; the command itself ends with 0
	}
	if err != nil {
		t.Errorf("%v\n%s\n%s", err, text, out.String())
	}
	if strings.Contains(text, "events tail") && !strings.Contains(out.String(), "message.received") {
		t.Errorf("nothing was printed:\n%s", out.String())
	}
}
