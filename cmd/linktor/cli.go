package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/linktor/linktor/internal/config"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/fault"
)

type cli struct {
	Config       string `help:"Read settings from this file instead of linktor.toml." placeholder:"FILE"`
	kong.Plugins        // the settings

	Serve    serveCmd    `cmd:"" default:"withargs" help:"Start the server. This is what linktor does without a command."`
	Migrate  migrateCmd  `cmd:"" help:"Bring the database schema up to date, undo a step, or show where it stands."`
	Doctor   doctorCmd   `cmd:"" help:"Check the installation and say how to mend what is wrong."`
	Key      keyCmd      `cmd:"" help:"Create, list and revoke API keys."`
	User     userCmd     `cmd:"" help:"Create and list users; make a new sign-in link."`
	Channel  channelCmd  `cmd:"" help:"Add, list and verify channels."`
	Events   eventsCmd   `cmd:"" help:"Follow the events of a running server."`
	Messages messagesCmd `cmd:"" help:"Tell the story of a message of a running server."`
	Journal  journalCmd  `cmd:"" help:"List, read and replay the webhook bodies of a running server."`
	Simulate simulateCmd `cmd:"" help:"Drive the simulated providers of a running server."`
	Version  versionCmd  `cmd:"" help:"Show the version of this program."`
}

// Help is the text below the list of commands.
func (*cli) Help() string {
	return "Settings come from linktor.toml, LINKTOR_ variables and flags, the later winning. " +
		"More of them than the flags below, and all of them as flags too: docs/reference/config.md."
}

// env is what a command gets.
type env struct {
	ctx      context.Context
	out, err io.Writer
	src      config.Sources
}

// errReported ends a command whose output has told the reader already.
var errReported = errors.New("reported")

// settingsError is a wrong configuration: exit code 2.
type settingsError struct{ err error }

func (e settingsError) Error() string {
	return "settings:\n  " + strings.ReplaceAll(e.err.Error(), "\n", "\n  ")
}
func (e settingsError) Unwrap() error { return e.err }

func codeOf(err error) int {
	if _, ok := errors.AsType[settingsError](err); ok || fault.KindOf(err) == fault.Invalid {
		return exitUsage
	}
	return exitFailed
}

// explain adds what is wrong with each field.
func explain(err error) string {
	text := err.Error()
	if f, ok := errors.AsType[*fault.Error](err); ok {
		for _, p := range f.Problems {
			text += "\n  " + p.Pointer + ": " + p.Message
		}
	}
	return text
}

// newCLI returns the command line and its parser.
func newCLI(stdout, stderr io.Writer) (*cli, *kong.Kong, error) {
	c := &cli{Plugins: kong.Plugins{settingFlags()}}
	parser, err := kong.New(c, kong.Name("linktor"), kong.Writers(stdout, stderr),
		kong.Description("Linktor: conversations over WhatsApp and other channels, with a realtime API."),
		kong.Exit(func(code int) { panic(exited(code)) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 110}),
		kong.ExplicitGroups([]kong.Group{{Key: "settings", Title: "Settings:"}}))
	return c, parser, err
}

// exited is how kong ends after --help.
type exited int

func parse(parser *kong.Kong, args []string) (command *kong.Context, done bool, err error) {
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(exited); !ok {
				panic(r)
			}
			done = true
		}
	}()
	command, err = parser.Parse(args)
	return command, false, err
}

// settingFlags returns a pointer to a struct with a *string flag for each setting.
func settingFlags() any {
	var fields []reflect.StructField
	for i, f := range config.Fields() {
		if f.Flag() == "" {
			continue
		}
		help, _, _ := strings.Cut(f.Doc, ". ")
		help, _, _ = strings.Cut(help, ": ")
		tag := fmt.Sprintf(`name:%q help:%s group:"settings" placeholder:%s`, f.Flag(),
			strconv.Quote(strings.TrimSuffix(help, ".")+"."), strconv.Quote(placeholder(f)))
		if !slices.Contains(commonSettings, f.Key) {
			tag += ` hidden:""`
		}
		fields = append(fields, reflect.StructField{Name: "F" + strconv.Itoa(i), Type: reflect.TypeFor[*string](), Tag: reflect.StructTag(tag)})
	}
	return reflect.New(reflect.StructOf(fields)).Interface()
}

// commonSettings are the ones that --help shows; all of them would bury the rest.
var commonSettings = []string{"listen", "public_url", "data_dir", "database_url", "redis_url", "simulator", "log_level"}

func placeholder(f config.Field) string {
	switch {
	case len(f.OneOf) > 0:
		return strings.Join(f.OneOf, "|")
	case f.Default != "":
		return f.Default
	}
	return "…"
}

// sources collects the settings that were given as flags.
func (c *cli) sources(command *kong.Context, environ []string) config.Sources {
	given := map[string]string{}
	for _, flag := range command.Flags() {
		if v, ok := flag.Target.Interface().(*string); ok && v != nil && flag.Group != nil && flag.Group.Key == "settings" {
			given[strings.ReplaceAll(flag.Name, "-", "_")] = *v
		}
	}
	return config.Sources{File: c.Config, Environ: environ, Flags: given}
}

func (e *env) config() (*config.Config, error) {
	cfg, err := config.Load(e.src)
	if err != nil {
		return nil, settingsError{err}
	}
	return cfg, nil
}

// open returns the settings and the database, whose schema must be current.
func (e *env) open() (*config.Config, *db.DB, error) {
	cfg, err := e.config()
	if err != nil {
		return nil, nil, err
	}
	d, err := db.Open(e.ctx, cfg.Database(), 4)
	if err != nil {
		return nil, nil, err
	}
	have, newest, err := d.Version(e.ctx)
	switch {
	case err != nil:
	case have > newest:
		err = fmt.Errorf("the database has schema version %d, made by a newer program; this one has %d: run the newer one", have, newest)
	case have < newest:
		err = fmt.Errorf("the database has schema version %d, this program needs %d: run linktor migrate up, or start the server once", have, newest)
	}
	if err != nil {
		d.Close()
		return nil, nil, err
	}
	return cfg, d, nil
}

// printJSON writes v as one line.
func (e *env) printJSON(v any) error {
	enc := json.NewEncoder(e.out)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}
