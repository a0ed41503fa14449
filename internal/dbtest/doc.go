// Package dbtest gives tests real databases: each test its own migrated SQLite
// file and, where LINKTOR_TEST_POSTGRES names a server, its own PostgreSQL
// database as well. With LINKTOR_TEST_REQUIRE=1 (CI) a missing server fails the test.
package dbtest
