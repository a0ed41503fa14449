package app

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestServe(t *testing.T) {
	tests := []struct {
		name, want string
		failStart  string
		slowStop   string
	}{
		{"clean stop, in reverse", "+db +tasks +http ready -http -tasks -db", "", ""},
		{"failed start stops what had started", "+db +tasks -tasks -db", "http", ""},
		{"slow stop is given up on", "+db +tasks +http ready -http -db", "", "tasks"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log []string
				svc := func(name string) Service {
					return Service{
						name,
						func() error {
							if name == tt.failStart {
								return errors.New("port in use")
							}
							log = append(log, "+"+name)
							return nil
						},
						func(ctx context.Context) error {
							if name == tt.slowStop {
								<-ctx.Done()
								return ctx.Err()
							}
							log = append(log, "-"+name)
							return nil
						},
					}
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				ready := func() { log = append(log, "ready") }
				err := Serve(ctx, 15*time.Second, slog.New(slog.DiscardHandler), ready, svc("db"), svc("tasks"), svc("http"))
				if got := strings.Join(log, " "); got != tt.want {
					t.Errorf("got %q, want %q", got, tt.want)
				}
				if clean := tt.failStart+tt.slowStop == ""; (err == nil) != clean {
					t.Errorf("err = %v, clean = %v", err, clean)
				}
			})
		})
	}
}
