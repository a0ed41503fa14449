package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"
)

// Service is one part of the server.
type Service struct {
	Name  string
	Start func() error                // returns once it serves
	Stop  func(context.Context) error // refuses new work, then returns once drained or ctx ends
}

// Serve starts services in order, calls ready, waits for ctx to end, and stops the
// started ones in reverse order. All the stops together have grace to finish.
func Serve(ctx context.Context, grace time.Duration, log *slog.Logger, ready func(), services ...Service) (err error) {
	var started []Service
	defer func() {
		stopCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
		defer cancel()
		for _, s := range slices.Backward(started) {
			log.Debug("stopping", "service", s.Name)
			if serr := s.Stop(stopCtx); serr != nil {
				err = errors.Join(err, fmt.Errorf("stop %s: %w", s.Name, serr))
			}
		}
	}()
	for _, s := range services {
		if err := s.Start(); err != nil {
			return fmt.Errorf("start %s: %w", s.Name, err)
		}
		started = append(started, s)
	}
	ready()
	<-ctx.Done()
	return nil
}
