package media

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// Place says where blobs are.
type Place struct {
	// URL is a folder, or s3://bucket/prefix with the optional parameters
	// endpoint (host:port; default s3.amazonaws.com), region, and tls=false.
	URL string
	// AccessKey and SecretKey of the bucket; empty means the environment's.
	AccessKey, SecretKey string
}

// OpenBlobs returns the Blobs at p. It makes no network call.
func OpenBlobs(p Place) (Blobs, error) {
	if !strings.HasPrefix(p.URL, "s3://") {
		return newDir(p.URL)
	}
	u, err := url.Parse(p.URL)
	if err != nil || u.Host == "" {
		return nil, errors.New("media: the bucket's URL is not s3://bucket/prefix")
	}
	q := u.Query()
	endpoint := q.Get("endpoint")
	if endpoint == "" {
		endpoint = "s3.amazonaws.com"
	}
	creds := credentials.NewChainCredentials([]credentials.Provider{&credentials.EnvAWS{}, &credentials.EnvMinio{}, &credentials.IAM{}})
	if p.AccessKey != "" {
		creds = credentials.NewStaticV4(p.AccessKey, p.SecretKey, "")
	}
	client, err := minio.New(endpoint, &minio.Options{Creds: creds, Secure: q.Get("tls") != "false", Region: q.Get("region")})
	if err != nil {
		return nil, fmt.Errorf("media: open the bucket: %w", err)
	}
	return &bucket{client, u.Host, strings.Trim(u.Path, "/")}, nil
}

// bucket keeps blobs as objects of an S3-compatible bucket.
type bucket struct {
	client       *minio.Client
	name, prefix string
}

// partSize is how much of an upload of unknown length is held in memory, in
// bytes. S3 allows 10,000 parts, so that files may be 50 GB.
const partSize = 5 << 20

func (b *bucket) object(key string) string { return path.Join(b.prefix, key) }

func (b *bucket) Put(ctx context.Context, key string, r io.Reader) error {
	_, err := b.client.PutObject(ctx, b.name, b.object(key), r, -1, minio.PutObjectOptions{PartSize: partSize, ContentType: "application/octet-stream"})
	if err != nil {
		return fmt.Errorf("media: put: %w", err)
	}
	return nil
}

func (b *bucket) Get(ctx context.Context, key string, offset, size int64) (io.ReadCloser, error) {
	opts := minio.GetObjectOptions{}
	if offset > 0 || size > 0 {
		end := int64(0) // to the end
		if size > 0 {
			end = offset + size - 1
		}
		if err := opts.SetRange(offset, end); err != nil {
			return nil, fmt.Errorf("media: get: %w", err)
		}
	}
	core := minio.Core{Client: b.client}
	body, _, _, err := core.GetObject(ctx, b.name, b.object(key), opts)
	if err != nil {
		if minio.ToErrorResponse(err).StatusCode == http.StatusNotFound {
			return nil, ErrNoBlob
		}
		return nil, fmt.Errorf("media: get: %w", err)
	}
	return body, nil
}

func (b *bucket) Delete(ctx context.Context, key string) error {
	if err := b.client.RemoveObject(ctx, b.name, b.object(key), minio.RemoveObjectOptions{}); err != nil {
		return fmt.Errorf("media: delete: %w", err)
	}
	return nil
}
