package main

import (
	"context"
	"time"

	"github.com/linktor/linktor/internal/bench/rig"
)

// start starts the server again and again on a database that is in use.
func (b *bench) start(ctx context.Context) error {
	return b.each(func(mode string) error {
		w, err := b.world(ctx, mode, 1, 80, nil)
		if err != nil {
			return err
		}
		defer w.close()
		var took []time.Duration
		for range b.scale.starts {
			if err := w.restart(ctx, func() error { return nil }); err != nil {
				return err
			}
			took = append(took, w.server.ReadyIn)
		}
		return b.report("start", mode, figure{Name: "start to ready", Value: float64(rig.Median(took).Milliseconds()), Unit: "ms", AtMost: 500})
	})
}
