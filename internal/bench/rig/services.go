package rig

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Services are a private PostgreSQL, whose commits reach the disk, and a private
// Redis.
type Services struct {
	Postgres, Redis string // URLs

	postgres *Postgres
	redis    *Redis
}

// DatabaseCPU is the processor time that PostgreSQL has used.
func (s *Services) DatabaseCPU() time.Duration { return treeCPU(s.postgres.process.Process.Pid) }

// StartServices starts both with their files below dir.
func StartServices(ctx context.Context, dir string) (_ *Services, err error) {
	s := &Services{}
	defer func() {
		if err != nil {
			s.Stop()
		}
	}()
	if err := os.Chmod(dir, 0o755); err != nil { // PostgreSQL may run as another user
		return nil, err
	}
	if s.postgres, err = StartPostgres(ctx, filepath.Join(dir, "postgres")); err != nil {
		return nil, fmt.Errorf("postgres: %w", err)
	}
	if s.redis, err = StartRedis(ctx); err != nil {
		return nil, fmt.Errorf("redis: %w", err)
	}
	s.Postgres, s.Redis = s.postgres.URL, s.redis.URL
	return s, nil
}

// Stop ends both.
func (s *Services) Stop() {
	if s.redis != nil {
		s.redis.Stop()
	}
	if s.postgres != nil {
		s.postgres.Stop()
	}
}
