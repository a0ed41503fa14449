// Package all lists the channels compiled into the server. Adding one is a folder
// beside this one and a line in Adapters.
package all
