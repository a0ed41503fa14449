package db

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"

	"github.com/lib/pq"
)

// IsAway reports whether err means that the database cannot be reached or does not
// serve at present: it is stopping, recovering, or has no connection left. Source:
// PostgreSQL, appendix A, classes 08 and 57P, code 53300.
func IsAway(err error) bool {
	if e, ok := errors.AsType[*pq.Error](err); ok {
		return e.Code.Class() == "08" || e.Code == "53300" || len(e.Code) == 5 && e.Code[:3] == "57P"
	}
	// lib/pq passes on the end of its connection as it is.
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return true
	}
	_, isNet := errors.AsType[net.Error](err)
	return isNet || errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone)
}
