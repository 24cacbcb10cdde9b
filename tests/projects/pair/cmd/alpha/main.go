// Command alpha says its name and version.
package main

import "os"

var version = "unset"

func main() { os.Stdout.WriteString("alpha " + version + "\n") }
