// Package crash marks the moments at which a crash is most instructive. In a build
// with the tag chaos the process kills itself at the one that is named by
// LINKTOR_CHAOS_CRASH_AT, as point or point:n for the n-th time that it is reached;
// see internal/chaos. In every other build a mark is nothing: the compiler removes
// the call. Likewise Now is the clock of a machine, which in such a build can be
// wrong.
package crash
