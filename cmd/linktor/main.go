package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// version is set by release builds: -ldflags "-X main.version=1.2.3".
var version = ""

// Exit codes, as documented in docs/reference/cli.md.
const (
	exitOK     = 0
	exitFailed = 1 // the command was understood and did not succeed
	exitUsage  = 2 // wrong arguments or settings; nothing was done
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the process at once
	os.Exit(run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
}

// run executes one command line and returns its exit code.
func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	c, parser, err := newCLI(stdout, stderr)
	if err != nil {
		fmt.Fprintf(stderr, "linktor: %v\n", err)
		return exitFailed
	}
	command, done, err := parse(parser, args)
	switch {
	case done:
		return exitOK
	case err != nil:
		fmt.Fprintf(stderr, "linktor: %v\nTry: linktor --help\n", err)
		return exitUsage
	}
	e := &env{ctx: ctx, out: stdout, err: stderr, src: c.sources(command, environ)}
	if err := command.Run(e); err != nil {
		if !errors.Is(err, errReported) {
			fmt.Fprintf(stderr, "linktor: %s\n", explain(err))
		}
		return codeOf(err)
	}
	return exitOK
}
