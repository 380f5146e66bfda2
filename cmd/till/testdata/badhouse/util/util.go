// Package util is no room.
package util
