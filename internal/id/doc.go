// Package id makes and reads TypeIDs: a prefix, an underscore and a UUIDv7 in 26
// characters of base32, e.g. msg_01jd4xn3v8f2arx1t5g7k9m0qe. Within a process ids
// of one prefix sort by the time they were made. Source: TypeID specification 0.3.
package id
