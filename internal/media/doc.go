// Package media stores files: those that API callers upload and those that
// customers send, which providers keep for a few days only.
//
// Rows are in the database, bytes in Blobs: a folder or an S3-compatible bucket.
// Files are served by expiring signed addresses, as attachments. A file's type is
// what its bytes say where that can be told: a page that calls itself a picture is
// refused or served as bytes.
package media
