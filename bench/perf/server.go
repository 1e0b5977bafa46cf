package main

import (
	"os"
	"path/filepath"
)

// server is the program that --spawn starts.
func (c *connsCommand) server() string {
	if c.Server != "" {
		return c.Server
	}
	return besideThis("gannet")
}

// besideThis is the path of a program in the folder of this one.
func besideThis(name string) string {
	self, err := os.Executable()
	if err != nil {
		return name
	}
	return filepath.Join(filepath.Dir(self), name)
}
