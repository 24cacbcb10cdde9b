module sqlite-scanner

go 1.22

// Flags anywhere on the command line, GNU style, as users of 0.1.1 know them.
require github.com/spf13/pflag v1.0.10

// macOS only: names in composed and decomposed form are the same.
require golang.org/x/text v0.21.0
