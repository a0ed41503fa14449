package main

import (
	"context"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// minFree is when a disk counts as nearly full: enough for some hours of a busy
// journal.
const minFree = 1 << 30 // bytes

// folder checks that the data folder is ours, private and not full.
func (x *examination) folder() {
	dir := x.cfg.DataDir
	info, err := os.Stat(dir)
	if os.IsNotExist(err) {
		x.warn("data", "the first start makes it", "%s does not exist", dir)
		return
	}
	if err != nil || !info.IsDir() {
		x.fail("data", "set data_dir to a folder of your own", "%s is not a folder that can be read", dir)
		return
	}
	probe, err := os.CreateTemp(dir, ".doctor-*")
	if err != nil {
		x.fail("data", "make the user that runs linktor the owner of the folder", "%s cannot be written to", dir)
		return
	}
	probe.Close()
	os.Remove(probe.Name())
	if info.Mode().Perm()&0o077 != 0 {
		x.warn("data", "chmod 700 "+dir, "%s may be read by others (mode %04o)", dir, info.Mode().Perm())
	} else {
		x.ok("data", "%s is private and writable", dir)
	}
	x.disk(dir)
	x.spool()
}

func (x *examination) disk(dir string) {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil {
		x.warn("disk", "", "free space cannot be read: %v", err)
		return
	}
	free := fs.Bavail * uint64(fs.Bsize) // Bsize is signed on Linux, not on macOS
	switch {
	case free < minFree/8:
		x.fail("disk", "make room: the server stops accepting webhooks when the disk is full", "%d MB are free", free>>20)
	case free < minFree:
		x.warn("disk", "make room before it gets tight", "%d MB are free", free>>20)
	default:
		x.ok("disk", "%d GB are free", free>>30)
	}
}

// spool reports webhooks that still wait for the database.
func (x *examination) spool() {
	files, err := filepath.Glob(filepath.Join(x.cfg.SpoolDir(), "*"))
	if err == nil && len(files) > 0 {
		x.warn("spool", "they are applied by a running server once its database answers; start it if it is not running",
			"%d files of webhooks wait on disk", len(files))
	}
}

// secretKey checks that the key exists, opens and is private.
func (x *examination) secretKey() {
	if _, err := os.Stat(x.cfg.KeyFile()); x.cfg.SecretKey == "" && os.IsNotExist(err) {
		x.warn("key", "the first start makes it; several nodes need the same one: set secret_key", "there is no key file yet")
		return
	}
	if _, err := openBox(x.cfg); err != nil {
		x.fail("key", "restore the key from your copy; without it the tokens of channels have to be entered again", "%v", err)
		return
	}
	switch {
	case x.cfg.SecretKey != "":
		x.ok("key", "the secret key is set")
	case x.cfg.DatabaseURL != "":
		x.warn("key", "set secret_key on every node to the same value if there are several", "the key is in %s, on this machine only", x.cfg.KeyFile())
	default:
		x.ok("key", "%s is private; keep a copy of it", x.cfg.KeyFile())
	}
}

// addresses checks what providers and browsers need to know of us.
func (x *examination) addresses() {
	u, err := url.Parse(x.cfg.BaseURL())
	switch {
	case x.cfg.PublicURL == "":
		x.unfit("address", "set public_url to the https address under which providers reach this server", "there is no public address: providers cannot call %s", x.cfg.BaseURL())
		return
	case err != nil || u.Scheme != "https":
		x.unfit("address", "put a proxy with a certificate in front and set public_url to https://…", "%s is not https: providers refuse it", x.cfg.PublicURL)
	default:
		x.ok("address", "%s", x.cfg.PublicURL)
	}
	if x.cfg.SimulatorOn() {
		x.unfit("simulator", "set simulator to off", "the simulated providers are on")
	}
	x.reach(x.cfg.BaseURL())
}

// reach asks for our own address from here, the way a provider would.
func (x *examination) reach(base string) {
	ctx, cancel := context.WithTimeout(x.ctx, 10*time.Second)
	defer cancel()
	status, body, err := get(ctx, base+"/healthz")
	switch {
	case err != nil:
		x.fail("webhooks", "check DNS, the proxy, its certificate and the firewall; is the server running?", "%s does not answer from here: %v", base, err)
	case status != 200:
		x.fail("webhooks", "let the proxy pass everything below / on to "+x.cfg.Listen, "%s/healthz answers %d: %s", base, status, strings.TrimSpace(first(body, 80)))
	default:
		x.ok("webhooks", "%s reaches this server, so webhooks do", base)
	}
}

// server asks the process on this machine, if one runs.
func (x *examination) server() {
	ctx, cancel := context.WithTimeout(x.ctx, 5*time.Second)
	defer cancel()
	status, body, err := get(ctx, "http://"+x.cfg.LocalAddress()+"/readyz")
	switch {
	case err != nil:
		x.warn("server", "linktor serve starts it", "no server runs at %s", x.cfg.LocalAddress())
	case status != 200:
		x.fail("server", "see the server's log", "it is not ready (%d): %s", status, strings.TrimSpace(first(body, 200)))
	default:
		x.ok("server", "it is ready at %s", x.cfg.LocalAddress())
	}
}

func first(s string, n int) string {
	if len(s) > n {
		return strings.ToValidUTF8(s[:n], "") + "…"
	}
	return s
}
