package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
)

// roles that a process can have.
var roles = []string{"api", "worker", "realtime"}

// check returns what is wrong with settings that are each well formed.
func (c *Config) check() []error {
	var errs []error
	add := func(key string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", key, err))
		}
	}
	if _, port, err := net.SplitHostPort(c.Listen); err != nil || port == "" {
		add("listen", errors.New("must be an address and a port such as 127.0.0.1:8080"))
	}
	if c.DataDir == "" {
		add("data_dir", errors.New("must name a folder"))
	}
	if c.PublicURL != "" {
		add("public_url", checkURL(c.PublicURL, "http", "https"))
	}
	if c.DatabaseURL != "" {
		add("database_url", checkURL(c.DatabaseURL.Reveal(), "postgres", "postgresql"))
	}
	if c.RedisURL != "" {
		add("redis_url", checkURL(c.RedisURL.Reveal(), "redis", "rediss", "redis-sentinel", "rediss-sentinel", "redis-cluster", "rediss-cluster"))
	}
	if strings.Contains(c.MediaURL, "://") {
		add("media_url", checkURL(c.MediaURL, "s3"))
	}
	if (c.MediaAccessKey == "") != (c.MediaSecretKey == "") {
		add("media_access_key", errors.New("goes together with media_secret_key: set both, or neither"))
	}
	for _, o := range c.AllowedOrigins {
		add("allowed_origins", checkOrigin(o))
	}
	add("roles", c.checkRoles())
	if 2*c.DrainTime > c.ShutdownTimeout { // the rest is for the work in progress
		add("drain_time", fmt.Errorf("must be at most half of shutdown_timeout, which is %s", c.ShutdownTimeout))
	}
	if c.SecretKey != "" && len(c.SecretKey) < 32 {
		add("secret_key", errors.New("must be at least 32 random bytes in base64; make one with: openssl rand -base64 32"))
	}
	return errs
}

func (c *Config) checkRoles() error {
	if len(c.Roles) == 0 {
		return fmt.Errorf("must name at least one of %s", orList(roles))
	}
	for _, r := range c.Roles {
		if !slices.Contains(roles, r) {
			return fmt.Errorf("must be made of %s", orList(roles))
		}
	}
	if len(c.Roles) < len(roles) && (c.DatabaseURL == "" || c.RedisURL == "") {
		return errors.New("can be split only with database_url and redis_url set: processes meet in PostgreSQL and Redis")
	}
	return nil
}

// checkURL reports whether s is a URL with a host and one of the schemes. The
// error does not quote s, which may hold a password.
func checkURL(s string, schemes ...string) error {
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok || !slices.Contains(schemes, scheme) {
		return fmt.Errorf("must start with %s", orList(withSlashes(schemes)))
	}
	if strings.Contains(scheme, "-") { // several hosts, which net/url does not parse
		rest, _, _ = strings.Cut(rest, ",")
		s = scheme + "://" + rest
	}
	u, err := url.Parse(s)
	if err != nil {
		return errors.New("is not a URL: write special characters in user and password as %XX")
	}
	if u.Host == "" && u.Query().Get("host") == "" {
		return errors.New("names no host")
	}
	return nil
}

func withSlashes(schemes []string) []string {
	out := make([]string, len(schemes))
	for i, s := range schemes {
		out[i] = s + "://"
	}
	return out
}

func checkOrigin(o string) error {
	u, err := url.Parse(o)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Path != "" || u.RawQuery != "" {
		return errors.New("must be origins such as https://app.example.com, with no path")
	}
	return nil
}
