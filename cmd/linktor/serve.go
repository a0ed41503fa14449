package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/linktor/linktor/internal/app"
	"github.com/linktor/linktor/internal/redisconn"
	"github.com/linktor/linktor/internal/telemetry"
	"github.com/mattn/go-isatty"
)

type serveCmd struct {
	JSON bool `name:"json" help:"When ready, write one JSON line with the addresses and the first start's key instead of the text for people."`
}

func (c *serveCmd) Run(e *env) error {
	cfg, err := e.config()
	if err != nil {
		return err
	}
	log, err := telemetry.NewLogger(e.err, cfg.LogLevel, cfg.LogFormat)
	if err != nil {
		return err
	}
	redisconn.LogTo(log)
	return app.Run(e.ctx, cfg, log, programVersion(), app.Hooks{Ready: func(i app.Info) {
		if c.JSON {
			err = e.printJSON(welcomeJSON(i))
		} else {
			_, err = io.WriteString(e.out, welcome(i, cfg.Loopback(), colours(e.out)))
		}
		if err != nil {
			log.Warn("the addresses could not be printed", "err", err)
		}
	}})
}

func welcomeJSON(i app.Info) map[string]any {
	return map[string]any{
		"version": i.Version, "embedded": i.Embedded, "url": i.BaseURL, "setupUrl": i.SetupURL, "apiKey": i.DevKey,
		"simulatorUrl": i.SimulatorURL, "channelId": i.DemoChannel, "to": i.DemoTo, "readyMs": i.ReadyIn.Milliseconds(),
	}
}

// style is the terminal codes for emphasis; none where colours are unwanted.
type style struct{ bold, dim, off string }

// colours follows https://no-color.org.
func colours(w io.Writer) style {
	f, ok := w.(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" || !isatty.IsTerminal(f.Fd()) {
		return style{}
	}
	return style{"\x1b[1m", "\x1b[2m", "\x1b[0m"}
}

// welcome is what a person sees when the server is ready.
func welcome(i app.Info, loopback bool, s style) string {
	var b strings.Builder
	line := func(name, value, note string) {
		fmt.Fprintf(&b, "  %-10s %s", name, value)
		if note != "" {
			fmt.Fprintf(&b, "  %s%s%s", s.dim, note, s.off)
		}
		b.WriteByte('\n')
	}
	mode := "PostgreSQL and Redis as configured"
	if i.Embedded {
		mode = "embedded mode (SQLite and an in-process Redis)"
	}
	fmt.Fprintf(&b, "\n  %sLinktor %s%s · %s · data in %s · ready in %s\n\n", s.bold, i.Version, s.off, mode, i.DataDir, i.ReadyIn.Round(time.Millisecond))
	line("API docs", i.BaseURL+"/docs", "")
	if i.DevKey != "" {
		line("API key", i.DevKey, "for development; shown this once")
	} else {
		line("API key", "linktor key create NAME", "makes another one")
	}
	if i.SetupURL != "" {
		line("Owner", i.SetupURL, "choose a password, once, within 30 minutes")
	}
	if i.SimulatorURL != "" {
		line("Simulator", i.SimulatorURL, "the customers' phone")
		b.WriteString(invitation(i, s))
	}
	if i.Embedded && loopback {
		fmt.Fprintf(&b, "\n  %s! Development defaults: this machine only, no TLS. linktor doctor --prod lists what to change.%s\n", s.dim, s.off)
	}
	b.WriteString("\n")
	return b.String()
}

// invitation is a line to paste. It answers the customer who has just written.
func invitation(i app.Info, s style) string {
	if i.DemoChannel == "" || i.Customer == "" {
		return ""
	}
	key := i.DevKey
	if key == "" {
		key = "$LINKTOR_API_KEY"
	}
	return fmt.Sprintf(`
  %s%s writes to your demo number now. Answer:%s

  curl -sS %s/api/v1/messages -H "X-API-Key: %s" -H 'Content-Type: application/json' \
    -d '{"channelId":"%s","to":"%s","content":{"type":"text","text":"Yes, it is!"}}'
`, s.bold, i.Customer, s.off, i.BaseURL, key, i.DemoChannel, i.DemoTo)
}
