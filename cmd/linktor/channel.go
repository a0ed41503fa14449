package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/channels/all"
	"github.com/linktor/linktor/internal/account"
	"github.com/linktor/linktor/internal/config"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/egress"
	"github.com/linktor/linktor/internal/registry"
	"github.com/linktor/linktor/internal/seal"
)

type channelCmd struct {
	Add    channelAddCmd    `cmd:"" help:"Add a channel."`
	List   channelListCmd   `cmd:"" default:"withargs" help:"List channels."`
	Verify channelVerifyCmd `cmd:"" help:"Ask the provider whether the settings work."`
	Types  channelTypesCmd  `cmd:"" help:"List the channel types and their settings."`
}

type channelAddCmd struct {
	Type string            `arg:"" help:"Channel type, such as whatsapp; linktor channel types lists them."`
	Name string            `arg:"" help:"Name that people see."`
	Set  map[string]string `help:"A setting; repeat it for more. @FILE reads the value from a file, which keeps secrets out of the list of processes." placeholder:"KEY=VALUE" mapsep:"none"`
	JSON bool              `name:"json" help:"Write JSON."`
}

func (c *channelAddCmd) Run(e *env) error {
	return withRegistry(e, func(cfg *config.Config, r *registry.Registry, tenantID string) error {
		desc, ok := r.Type(c.Type)
		if !ok {
			return fmt.Errorf("there is no channel type %q: linktor channel types lists them", c.Type)
		}
		settings, err := settingValues(desc, c.Set)
		if err != nil {
			return err
		}
		o, err := r.Create(e.ctx, tenantID, registry.Draft{Type: c.Type, Name: c.Name, Settings: settings})
		if err != nil {
			return err
		}
		url := webhookURL(cfg.BaseURL(), o.Channel)
		if c.JSON {
			return e.printJSON(map[string]any{"id": o.ID, "type": o.Type, "name": o.Name, "webhookUrl": url, "generated": o.Generated})
		}
		fmt.Fprintf(e.out, "%s  %s\nWebhook URL for the provider: %s\n", o.ID, o.Name, url)
		for _, s := range desc.Settings {
			if v := o.Generated[s.Key]; v != "" {
				fmt.Fprintf(e.out, "%s for the provider: %s\n", s.Label, v)
			}
		}
		return nil
	})
}

// settingValues writes each value in the JSON type that its setting has.
func settingValues(desc channels.Description, given map[string]string) (map[string]json.RawMessage, error) {
	values := map[string]json.RawMessage{}
	for key, text := range given {
		if path, ok := strings.CutPrefix(text, "@"); ok {
			data, err := os.ReadFile(path)
			if err != nil {
				return nil, fmt.Errorf("--set %s: %w", key, err)
			}
			text = strings.TrimRight(string(data), "\r\n")
		}
		i := slices.IndexFunc(desc.Settings, func(s channels.Setting) bool { return s.Key == key })
		raw := json.RawMessage(text)
		if i < 0 || !slices.Contains([]string{"number", "boolean", "list", "map"}, desc.Settings[i].Kind) {
			quoted, err := json.Marshal(text)
			if err != nil {
				return nil, fmt.Errorf("--set %s: %w", key, err)
			}
			raw = quoted
		} else if !json.Valid(raw) {
			return nil, fmt.Errorf("--set %s: the value of a %s is written as JSON", key, desc.Settings[i].Kind)
		}
		values[key] = raw
	}
	return values, nil
}

func webhookURL(base string, c registry.Channel) string {
	url := base + "/webhooks/" + c.Type + "/" + c.ID
	if c.WebhookToken != "" {
		url += "/" + c.WebhookToken
	}
	return url
}

type channelListCmd struct {
	JSON bool `name:"json" help:"Write JSON, one channel a line."`
}

func (c *channelListCmd) Run(e *env) error {
	return withRegistry(e, func(cfg *config.Config, r *registry.Registry, tenantID string) error {
		t := newTable(e.out, c.JSON, "ID", "TYPE", "NAME", "STATE", "WEBHOOK URL")
		list := func(after string) ([]registry.Channel, error) {
			return r.List(e.ctx, tenantID, registry.Filter{After: after, Limit: pageSize})
		}
		err := everyPage(list, func(c registry.Channel) string { return c.ID }, func(ch registry.Channel) error {
			url := webhookURL(cfg.BaseURL(), ch)
			if c.JSON {
				return e.printJSON(map[string]any{"id": ch.ID, "type": ch.Type, "name": ch.Name, "enabled": ch.Enabled,
					"pausedReason": ch.PausedReason, "webhookUrl": url, "health": ch.Health, "createdAt": stamp(ch.CreatedAt)})
			}
			t.row(ch.ID, ch.Type, ch.Name, channelState(ch), url)
			return nil
		})
		if err != nil {
			return err
		}
		return t.flush()
	})
}

func channelState(c registry.Channel) string {
	switch {
	case !c.Enabled:
		return "disabled"
	case c.PausedReason != "":
		return "paused"
	}
	return "enabled"
}

type channelVerifyCmd struct {
	ID   string `arg:"" help:"Id of the channel, ch_…"`
	JSON bool   `name:"json" help:"Write JSON."`
}

func (c *channelVerifyCmd) Run(e *env) error {
	return withRegistry(e, func(_ *config.Config, r *registry.Registry, tenantID string) error {
		o, err := r.Get(e.ctx, tenantID, c.ID)
		if err != nil {
			return err
		}
		prober, ok := o.Account.(channels.Prober)
		if !ok {
			_, err := fmt.Fprintf(e.out, "%s has no way of being asked: send a message to see whether it works.\n", o.Description.Name)
			return err
		}
		health, err := prober.Probe(e.ctx)
		if se, ok := errors.AsType[*channels.SendError](err); ok {
			return fmt.Errorf("the provider could not be asked: %s. %s", se.Title, se.Action)
		}
		if err != nil {
			return err
		}
		if err := r.SetHealth(e.ctx, tenantID, o.ID, health); err != nil {
			return err
		}
		if err := c.print(e, health); err != nil {
			return err
		}
		if !health.OK {
			return errReported
		}
		return nil
	})
}

func (c *channelVerifyCmd) print(e *env, h channels.Health) error {
	if c.JSON {
		return e.printJSON(h)
	}
	if h.OK {
		fmt.Fprintln(e.out, "OK: the provider accepts the settings.")
	} else {
		fmt.Fprintln(e.out, "The provider does not accept the settings:")
	}
	for _, p := range h.Problems {
		fmt.Fprintf(e.out, "  %s\n", p)
	}
	t := newTable(e.out, false, "DETAIL", "VALUE")
	for _, key := range sortedKeys(h.Details) {
		t.row(key, h.Details[key])
	}
	return t.flush()
}

type channelTypesCmd struct {
	JSON bool `name:"json" help:"Write JSON, one type a line."`
}

func (c *channelTypesCmd) Run(e *env) error {
	for _, a := range all.Adapters() {
		d := a.Describe()
		if c.JSON {
			if err := e.printJSON(d); err != nil {
				return err
			}
			continue
		}
		fmt.Fprintf(e.out, "%s  %s. %s\n", d.Type, d.Name, d.Summary)
		for _, s := range d.Settings {
			need := "optional"
			switch {
			case s.Required:
				need = "required"
			case s.Generate:
				need = "made if not given"
			}
			fmt.Fprintf(e.out, "  %s (%s, %s): %s\n", s.Key, s.Kind, need, s.Label)
		}
	}
	return nil
}

// withRegistry opens the channels of the installation's tenant.
func withRegistry(e *env, fn func(cfg *config.Config, r *registry.Registry, tenantID string) error) error {
	cfg, d, err := e.open()
	if err != nil {
		return err
	}
	defer d.Close()
	box, err := openBox(cfg)
	if err != nil {
		return err
	}
	tenantID, err := defaultTenant(e, account.NewStore(d, account.Options{}))
	if err != nil {
		return err
	}
	return fn(cfg, newRegistry(cfg, d, box), tenantID)
}

func newRegistry(cfg *config.Config, d *db.DB, box *seal.Box) *registry.Registry {
	client := egress.Client(egress.Options{AllowPrivate: cfg.AllowPrivateAddresses, AllowLoopback: cfg.SimulatorOn()})
	return registry.New(d, box, all.Adapters(), channels.Env{HTTP: client}, time.Now, slog.New(slog.DiscardHandler))
}

func openBox(cfg *config.Config) (*seal.Box, error) {
	if cfg.SecretKey != "" {
		return seal.New(cfg.SecretKey.Reveal())
	}
	return seal.Open(cfg.KeyFile())
}
