package main

import (
	"context"
	"os"
	"time"

	"github.com/linktor/linktor/internal/app"
	"github.com/linktor/linktor/internal/media"
)

// media checks that a file can be stored, read and deleted where media_url says.
func (x *examination) media() {
	if x.cfg.MediaURL == "" {
		return // in the data folder, which is checked
	}
	if dir := x.cfg.MediaDir(); dir != "" {
		if _, err := os.Stat(dir); os.IsNotExist(err) {
			x.warn("media", "the first start makes it", "%s does not exist", dir)
			return
		}
	}
	blobs, err := media.OpenBlobs(app.MediaPlace(x.cfg))
	if err != nil {
		x.fail("media", "see docs/reference/config.md for the forms of media_url", "%v", err)
		return
	}
	ctx, cancel := context.WithTimeout(x.ctx, 20*time.Second)
	defer cancel()
	if err := media.Probe(ctx, blobs); err != nil {
		x.fail("media", "check media_url, that its server runs, and the keys and rights that docs/how-to/deploy.md names", "%v", err)
		return
	}
	x.ok("media", "files can be stored, read and deleted")
}
