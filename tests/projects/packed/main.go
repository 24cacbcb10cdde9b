// Command packed prints what it carries. It needs every file of its folder.
package main

import (
	"embed"
	"os"

	"example.com/packed/internal/words"
)

//go:embed assets
var assets embed.FS

var version = "unset"

func main() {
	text, err := assets.ReadFile("assets/made.txt")
	if err != nil {
		panic(err)
	}
	os.Stdout.WriteString(words.Join(version, string(text)) + "\n")
}
