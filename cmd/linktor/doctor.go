package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/linktor/linktor/internal/config"
	"github.com/linktor/linktor/internal/db"
)

type doctorCmd struct {
	Quick bool `help:"Only ask the running server whether it is ready: for health checks of containers."`
	Prod  bool `help:"Judge by what production needs: development defaults become failures."`
	JSON  bool `name:"json" help:"Write JSON, one finding a line."`
}

// level is how bad a finding is.
type level string

const (
	levelOK   level = "OK"
	levelWarn level = "WARN"
	levelFail level = "FAIL"
)

// finding is one line of the doctor's report.
type finding struct {
	Level  level  `json:"level"`
	Check  string `json:"check"`
	Detail string `json:"detail"`
	Fix    string `json:"fix,omitempty"` // what to do, for everything but OK
}

// examination collects findings.
type examination struct {
	ctx      context.Context
	cfg      *config.Config
	prod     bool
	findings []finding
}

func (x *examination) ok(check, format string, args ...any) {
	x.findings = append(x.findings, finding{levelOK, check, fmt.Sprintf(format, args...), ""})
}

func (x *examination) warn(check, fix, format string, args ...any) {
	x.findings = append(x.findings, finding{levelWarn, check, fmt.Sprintf(format, args...), fix})
}

func (x *examination) fail(check, fix, format string, args ...any) {
	x.findings = append(x.findings, finding{levelFail, check, fmt.Sprintf(format, args...), fix})
}

// unfit is a warning, or with --prod a failure.
func (x *examination) unfit(check, fix, format string, args ...any) {
	if x.prod {
		x.fail(check, fix, format, args...)
		return
	}
	x.warn(check, fix, format, args...)
}

func (c *doctorCmd) Run(e *env) error {
	cfg, err := e.config()
	if err != nil {
		return err
	}
	if c.Quick {
		return quick(e, cfg)
	}
	x := &examination{ctx: e.ctx, cfg: cfg, prod: c.Prod}
	x.ok("settings", "every key and variable is known")
	x.folder()
	x.secretKey()
	x.addresses()
	x.redis()
	x.media()
	if d := x.database(); d != nil {
		defer d.Close()
		x.schema(d)
		x.clock(d)
		if d.Dialect == db.SQLite {
			x.pragmas(d)
		}
		x.rows(d)
	}
	x.server()
	return c.report(e, x.findings)
}

func (c *doctorCmd) report(e *env, findings []finding) error {
	failed := false
	for _, f := range findings {
		failed = failed || f.Level == levelFail
		if c.JSON {
			if err := e.printJSON(f); err != nil {
				return err
			}
			continue
		}
		fmt.Fprintf(e.out, "%-4s  %-10s  %s\n", f.Level, f.Check, f.Detail)
		if f.Fix != "" {
			fmt.Fprintf(e.out, "                  → %s\n", f.Fix)
		}
	}
	if failed {
		return errReported
	}
	return nil
}

// quick asks the server on this machine whether it is ready.
func quick(e *env, cfg *config.Config) error {
	ctx, cancel := context.WithTimeout(e.ctx, 5*time.Second)
	defer cancel()
	status, body, err := get(ctx, "http://"+cfg.LocalAddress()+"/readyz")
	if err != nil {
		return fmt.Errorf("no server answers at %s: %w", cfg.LocalAddress(), err)
	}
	if status != http.StatusOK {
		return fmt.Errorf("the server is not ready (%d): %s", status, body)
	}
	_, err = fmt.Fprintln(e.out, "ready")
	return err
}

// get returns the status and the beginning of the body.
func get(ctx context.Context, url string) (status int, body string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, "", err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	data, err := io.ReadAll(io.LimitReader(res.Body, 2048))
	return res.StatusCode, string(data), err
}
