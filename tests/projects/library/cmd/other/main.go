// Command other prints the answer.
package main

import (
	"fmt"

	"example.com/library/v2"
)

func main() { fmt.Println("other", library.Answer()) }
