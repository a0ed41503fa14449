package rig

import "syscall"

// RaiseFiles lets this process, and those that it starts, have n open files each, or
// as many as it may. It returns how many.
func RaiseFiles(n uint64) (uint64, error) {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return 0, err
	}
	if l.Cur >= n {
		return l.Cur, nil
	}
	if l.Max < n { // only root may raise this
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: n, Max: n}); err == nil {
			return n, nil
		}
	}
	l.Cur = min(n, l.Max)
	return l.Cur, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &l)
}
