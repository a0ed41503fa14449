package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"path/filepath"

	"github.com/linktor/linktor/internal/bench/rig"
)

// kill kills the server under load and audits what is left.
func (b *bench) kill(ctx context.Context) error {
	return b.each(func(mode string) error {
		node := rig.Node{Bin: b.bin, Dir: filepath.Join(b.dir, "kill-"+mode+"-"+rand.Text())}
		var err error
		if node.Listen, err = rig.FreeAddr(); err != nil {
			return err
		}
		if mode == "postgres" {
			node.Redis = b.services.Redis
			if node.Database, err = rig.NewDatabase(ctx, b.services.Postgres); err != nil {
				return err
			}
		}
		r, err := rig.Kill(ctx, node, rig.KillOptions{Kills: b.kills, Settle: true})
		if err != nil {
			return err
		}
		line, err := json.Marshal(struct {
			Scenario string `json:"scenario"`
			Mode     string `json:"mode"`
			*rig.KillResult
			Acked      int    `json:"acked"`
			Lost       int    `json:"lost"`
			Duplicated int    `json:"duplicated"`
			Verdict    string `json:"verdict"`
		}{"kill", mode, r, r.AckedInbound + r.AckedSends, r.LostInbound + r.LostSends, r.DuplicatedInbound + r.DuplicatedSends, r.Verdict()})
		if err != nil {
			return err
		}
		fmt.Fprintf(b.out, "\n%s\n", line)
		zero := func(name string, n int) figure { return figure{Name: name, Value: float64(n), Zero: true} }
		return b.report("kill", mode,
			figure{Name: "kills", Value: float64(r.Kills)},
			figure{Name: "webhooks acknowledged", Value: float64(r.AckedInbound)},
			figure{Name: "sends acknowledged", Value: float64(r.AckedSends)},
			zero("messages lost", r.LostInbound+r.LostSends), zero("inbound duplicates", r.DuplicatedInbound),
			zero("sends at the provider twice", r.DuplicatedSends), zero("gaps in the event log", r.EventGaps),
		)
	})
}
