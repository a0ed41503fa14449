// Package seal keeps secrets at rest unreadable without the installation's key,
// and derives the keys that sign session tokens and media links.
//
// Every sealed value is bound to the row it belongs to: the caller gives the same
// words (associated data, such as "ten_…|channels|secrets|ch_…") to Seal and to
// Open, and a value that was moved to another row does not open.
//
// The key is a Tink keyset. Several keys may be in it: the primary one seals, all
// of them open, so that Rotate needs no downtime. Values are sealed with
// XAES-256-GCM, whose 192-bit random nonces do not run out: plain AES-GCM should
// not seal more than 2³² values under one key, which a busy server does in days.
package seal
