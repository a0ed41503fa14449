package media

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

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
	return newBucket(p)
}

const (
	// bucketTries is how often a request is made whose failure may pass: with pauses
	// of up to a second in between, the restart of a server is not noticed.
	bucketTries = 4
	// answerTimeout bounds the wait for the answer to one request that was written.
	answerTimeout = 15 * time.Second
)

// newBucket reads the URL. A parameter that it does not know is an error: with a
// misspelt endpoint the files would go to Amazon.
func newBucket(p Place) (*bucket, error) {
	u, err := url.Parse(p.URL)
	if err != nil || u.Host == "" || u.User != nil {
		return nil, errors.New("media: the bucket's URL is not s3://bucket/prefix, without credentials")
	}
	endpoint, opts := "s3.amazonaws.com", minio.Options{Secure: true, MaxRetries: bucketTries, Creds: environment()}
	for name, values := range u.Query() {
		switch value := values[0]; name {
		case "endpoint":
			endpoint = value
		case "region":
			opts.Region = value
		case "tls":
			if opts.Secure, err = strconv.ParseBool(value); err != nil {
				return nil, errors.New("media: tls in the bucket's URL is true or false")
			}
		default:
			return nil, fmt.Errorf("media: the bucket's URL has the parameter %s; there are endpoint, region and tls", name)
		}
	}
	if strings.Contains(endpoint, "/") {
		return nil, errors.New("media: endpoint in the bucket's URL is host:port; for http:// add tls=false")
	}
	if p.AccessKey != "" {
		opts.Creds = credentials.NewStaticV4(p.AccessKey, p.SecretKey, "")
	}
	transport, err := minio.DefaultTransport(opts.Secure)
	if err != nil {
		return nil, fmt.Errorf("media: open the bucket: %w", err)
	}
	transport.ResponseHeaderTimeout = answerTimeout
	opts.Transport = transport
	client, err := minio.New(endpoint, &opts)
	if err != nil {
		return nil, fmt.Errorf("media: open the bucket: %w", err)
	}
	return &bucket{client, u.Host, strings.Trim(u.Path, "/")}, nil
}

// environment finds credentials in variables, then in ~/.aws/credentials, then in
// the role of the machine.
func environment() *credentials.Credentials {
	return credentials.NewChainCredentials([]credentials.Provider{
		&credentials.EnvAWS{}, &credentials.EnvMinio{}, &credentials.FileAWSCredentials{}, &credentials.IAM{},
	})
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

// Put sends what fits into one part in one request, as most files do, and the
// rest in parts, which only become an object once all have arrived.
func (b *bucket) Put(ctx context.Context, key string, r io.Reader) error {
	r = whole{r}
	opts := minio.PutObjectOptions{PartSize: partSize, ContentType: "application/octet-stream"}
	head := new(bytes.Buffer)
	_, err := io.CopyN(head, r, partSize)
	switch {
	case err == nil:
		_, err = b.client.PutObject(ctx, b.name, b.object(key), io.MultiReader(head, r), -1, opts)
	case errors.Is(err, io.EOF):
		_, err = b.client.PutObject(ctx, b.name, b.object(key), bytes.NewReader(head.Bytes()), int64(head.Len()), opts)
	}
	return b.explain("put", err)
}

// whole tells a reader that broke off from one that ended: the client takes
// io.ErrUnexpectedEOF, which a body that stops too early ends with, for the end, and
// would store what came as if it were all.
type whole struct{ r io.Reader }

func (w whole) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = fmt.Errorf("the source broke off: %w", err)
	}
	return n, err
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
	if minio.ToErrorResponse(err).Code == minio.NoSuchKey { // not just any 404: a bucket or a user can be what is missing
		return nil, ErrNoBlob
	}
	if err != nil {
		return nil, b.explain("get", err)
	}
	return body, nil
}

func (b *bucket) Delete(ctx context.Context, key string) error {
	return b.explain("delete", b.client.RemoveObject(ctx, b.name, b.object(key), minio.RemoveObjectOptions{}))
}

// explain adds to what the server said its code and the bucket; both help more than
// the sentence, which each server words in its own way.
func (b *bucket) explain(op string, err error) error {
	if err == nil {
		return nil
	}
	if code := minio.ToErrorResponse(err).Code; code != "" {
		return fmt.Errorf("media: %s, bucket %s: %s: %w", op, b.name, code, err)
	}
	return fmt.Errorf("media: %s, bucket %s: %w", op, b.name, err)
}
