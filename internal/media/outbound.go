package media

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/fault"
	"github.com/linktor/linktor/internal/registry"
)

const (
	// outboundTTL is how long a provider may fetch a file from us after a send.
	outboundTTL = 24 * time.Hour
	// uploadMargin is how much longer a provider's copy must live to be used.
	uploadMargin = time.Hour
	// uploadTTL is assumed where the provider names no end. Source: Meta, Cloud API,
	// Media, "uploaded media is kept for 30 days"; a third of it is safe.
	uploadTTL = 10 * 24 * time.Hour
)

// Describe completes m from the stored file it names, so that the channel's
// limits on types and sizes can be checked. Pointer is m's place in the request.
func (s *Store) Describe(ctx context.Context, tenantID, pointer string, m *channels.Media) error {
	if m.MediaID == "" {
		return nil
	}
	file, err := s.Get(ctx, tenantID, m.MediaID)
	if fault.KindOf(err) == fault.NotFound {
		return fault.Field(pointer+"/mediaId", "not_found", "There is no such media. Upload it with POST /api/v1/media.")
	}
	if err != nil {
		return err
	}
	if file.State != Ready {
		return fault.Field(pointer+"/mediaId", "not_ready", "This file has not been fetched from its provider.")
	}
	m.MimeType, m.Size = file.MimeType, file.Size
	if m.Filename == "" {
		m.Filename = file.Filename
	}
	return nil
}

// Prepare replaces every stored file in out by what ch can send: the id of the
// provider's own copy where it takes uploads, else a signed address. A copy is
// uploaded once and used until it expires. What it cannot replace is a
// *channels.SendError: a missing file is final; a failed upload, and a store of ours
// that is away, is tried again and leaves no doubt about the message itself.
func (s *Store) Prepare(ctx context.Context, tenantID string, ch *registry.Open, out *channels.Outbound) error {
	return Walk(&out.Content, func(_ string, m *channels.Media) error {
		err := s.forOutbound(ctx, tenantID, ch, m)
		if se, ok := errors.AsType[*channels.SendError](err); ok && se.Class == channels.ClassUncertain {
			again := *se
			again.Class = channels.ClassTransient
			return &again
		}
		if k := fault.KindOf(err); err != nil && (k == fault.Invalid || k == fault.NotFound) || errors.Is(err, ErrNoBlob) {
			return &channels.SendError{Class: channels.ClassRejected, Code: "media_unavailable", Title: "The file is not available",
				Action: "Upload it again with POST /api/v1/media and send a new message.", Err: err}
		}
		if err != nil && !isRefusal(err) {
			return &channels.SendError{Class: channels.ClassNotSent, Code: CodeUnreadable, Title: "The file could not be read from where it is kept",
				Action: "It is tried again. If it lasts, linktor doctor says what is wrong.", Err: err}
		}
		return err
	})
}

// CodeUnreadable is the code of messages whose file is not lost, and cannot be read
// just now, and of calls for such a file.
const CodeUnreadable = "media_storage_unavailable"

// isRefusal reports whether err is a channel's own word about a message.
func isRefusal(err error) bool {
	_, refused := errors.AsType[*channels.SendError](err)
	_, invalid := errors.AsType[*channels.Invalid](err)
	return refused || invalid
}

func (s *Store) forOutbound(ctx context.Context, tenantID string, ch *registry.Open, m *channels.Media) error {
	if m.MediaID == "" {
		return nil
	}
	if err := s.Describe(ctx, tenantID, "", m); err != nil {
		return err
	}
	if up, ok := ch.Account.(channels.MediaUploader); ok {
		providerID, err := s.uploaded(ctx, ch.ID, up, m)
		if err == nil {
			m.ProviderID, m.MediaID = providerID, ""
			return nil
		}
		if !errors.Is(err, channels.ErrUnsupported) {
			return fmt.Errorf("upload media %s: %w", m.MediaID, err)
		}
	}
	m.URL, m.MediaID = s.SignedURL(m.MediaID, outboundTTL), ""
	return nil
}

// uploaded returns the provider's id of a file, uploading it if need be. Two
// sends at once may both upload: harmless, and rarer than a lock is dear.
func (s *Store) uploaded(ctx context.Context, channelID string, up channels.MediaUploader, m *channels.Media) (string, error) {
	var known string
	err := s.DB.GetContext(ctx, &known, `SELECT provider_id FROM media_uploads WHERE media_id = $1 AND channel_id = $2 AND expires_at > $3`,
		m.MediaID, channelID, db.Micros(s.Now().Add(uploadMargin)))
	if err == nil {
		return known, nil
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return "", err
	}
	body, err := s.Blobs.Get(ctx, m.MediaID, 0, -1)
	if err != nil {
		return "", err
	}
	defer body.Close()
	providerID, expires, err := up.UploadMedia(ctx, channels.MediaInfo{MimeType: m.MimeType, Size: m.Size, Filename: m.Filename}, body)
	if err != nil {
		return "", err
	}
	if expires.IsZero() {
		expires = s.Now().Add(uploadTTL)
	}
	_, err = s.DB.Exec(ctx, `
		INSERT INTO media_uploads (media_id, channel_id, provider_id, expires_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (media_id, channel_id) DO UPDATE SET provider_id = excluded.provider_id, expires_at = excluded.expires_at`,
		m.MediaID, channelID, providerID, db.Micros(expires))
	return providerID, err
}
