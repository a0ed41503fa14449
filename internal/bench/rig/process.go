package rig

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Process tells what a running process uses.
type Process struct{ pid int }

// Memory is the resident memory of the process in bytes.
func (p Process) Memory() (int64, error) {
	pid := strconv.Itoa(p.pid)
	if data, err := os.ReadFile("/proc/" + pid + "/statm"); err == nil {
		fields := strings.Fields(string(data))
		if len(fields) < 2 {
			return 0, fmt.Errorf("statm: %q", data)
		}
		pages, err := strconv.ParseInt(fields[1], 10, 64)
		return pages * int64(os.Getpagesize()), err
	}
	out, err := exec.Command("ps", "-o", "rss=", "-p", pid).Output() //nolint:noctx // it returns at once
	if err != nil {
		return 0, err
	}
	kb, err := strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64)
	return kb << 10, err
}

// CPU is the processor time that the process has used, all threads together.
func (p Process) CPU() time.Duration {
	s, _ := readStat(filepath.Join("/proc", strconv.Itoa(p.pid))) // only Linux tells
	return s.own
}

// Usage is what a process used while it was watched.
type Usage struct {
	CPU  time.Duration
	Peak int64 // most resident memory, in bytes
}

// watchEvery is how often memory is looked at.
const watchEvery = 50 * time.Millisecond

// Watch watches p until stop is called.
func (p Process) Watch() (stop func() Usage) {
	began, done, peak := p.CPU(), make(chan struct{}), make(chan int64)
	go func() {
		t := time.NewTicker(watchEvery)
		defer t.Stop()
		for most := int64(0); ; {
			if n, err := p.Memory(); err == nil { // it may end while it is watched
				most = max(most, n)
			}
			select {
			case <-t.C:
			case <-done:
				peak <- most
				return
			}
		}
	}()
	return func() Usage {
		close(done)
		return Usage{CPU: p.CPU() - began, Peak: <-peak}
	}
}

// stat is what /proc/<pid>/stat says.
type stat struct {
	parent        int
	own, children time.Duration // processor time; that of children which have ended
}

func readStat(dir string) (s stat, err error) {
	data, err := os.ReadFile(filepath.Join(dir, "stat"))
	if err != nil {
		return s, err
	}
	_, rest, _ := strings.Cut(string(data), ") ") // the name may hold spaces
	fields := strings.Fields(rest)
	if len(fields) < 15 {
		return s, fmt.Errorf("stat: %q", data)
	}
	var n [5]int64
	for i, at := range []int{1, 11, 12, 13, 14} { // parent; own user and system time; the same of children
		if n[i], err = strconv.ParseInt(fields[at], 10, 64); err != nil {
			return s, err
		}
	}
	const tick = time.Second / 100 // USER_HZ is 100 on Linux
	return stat{int(n[0]), time.Duration(n[1]+n[2]) * tick, time.Duration(n[3]+n[4]) * tick}, nil
}

// treeCPU is the processor time of a process, its present children and those that
// have ended.
func treeCPU(pid int) time.Duration {
	var total time.Duration
	dirs, _ := filepath.Glob("/proc/[0-9]*") // the pattern is good
	for _, dir := range dirs {
		s, err := readStat(dir)
		switch {
		case err != nil: // it has ended
		case filepath.Base(dir) == strconv.Itoa(pid):
			total += s.own + s.children
		case s.parent == pid:
			total += s.own
		}
	}
	return total
}
