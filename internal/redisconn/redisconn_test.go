package redisconn

import (
	"os"
	"strings"
	"testing"
	"time"
)

func TestOpen(t *testing.T) {
	for _, url := range []string{"", os.Getenv("LINKTOR_TEST_REDIS")} {
		c, err := Open(url)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Set(t.Context(), "linktor:test:conn", "v", time.Minute).Err(); err != nil {
			t.Fatal(err)
		}
		if got, err := c.Get(t.Context(), "linktor:test:conn").Result(); err != nil || got != "v" {
			t.Errorf("got %q, %v", got, err)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestParse(t *testing.T) {
	tests := []struct {
		url, wantErr  string
		cluster, tls  bool
		addrs, master string
		db            int
	}{
		{url: "redis://u:p@h:1/3", addrs: "h:1", db: 3},
		{url: "rediss://h", addrs: "h:6379", tls: true},
		{url: "redis-cluster://a:1,b:2", addrs: "a:1,b:2", cluster: true},
		{url: "rediss-sentinel://:p@a:1,b:2/1?master=m", addrs: "a:1,b:2", master: "m", db: 1, tls: true},
		{url: "redis-cluster://a:1,b:2,c:3/0", addrs: "a:1,b:2,c:3", cluster: true},
		{url: "redis-cluster://:x,y@[::1]:1,[::2]", addrs: "[::1]:1,[::2]:6379", cluster: true},
		{url: "redis-cluster://a,b", addrs: "a:6379,b:6379", cluster: true},
		{url: "redis-cluster://a/1", wantErr: "no database but 0"},
		{url: "redis-sentinel://a,b:2,c?master=m", addrs: "a:26379,b:2,c:26379", master: "m"},
		{url: "redis-sentinel://a:1", wantErr: "master"},
		{url: "http://a", wantErr: "unknown scheme"},
		{url: "redis://a/x", wantErr: "number"},
		{url: "redis://secret\x7f@a", wantErr: "cannot be parsed"},
	}
	for _, tt := range tests {
		o, cluster, err := parse(tt.url)
		if tt.wantErr != "" {
			if err == nil || !strings.Contains(err.Error(), tt.wantErr) || strings.Contains(err.Error(), "secret") {
				t.Errorf("%s: got %v; want %s", tt.url, err, tt.wantErr)
			}
			continue
		}
		if err != nil || cluster != tt.cluster || (o.TLSConfig != nil) != tt.tls || strings.Join(o.Addrs, ",") != tt.addrs || o.MasterName != tt.master || o.DB != tt.db {
			t.Errorf("%s: %+v %v, %v", tt.url, o, cluster, err)
		}
		if o != nil && o.TLSConfig != nil && o.TLSConfig.ServerName != "" { // of several servers each has a name of its own
			t.Errorf("%s: every server would have to be %q", tt.url, o.TLSConfig.ServerName)
		}
	}
}
