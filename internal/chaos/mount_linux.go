package main

import (
	"fmt"
	"os"
	"syscall"
)

// mount makes a file system of size bytes in memory at dir.
func mount(dir string, size int) (unmount func(), err error) {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d,mode=755", size)); err != nil {
		return nil, err
	}
	return func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) }, nil // it goes with its last user
}
