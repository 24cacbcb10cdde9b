package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/pflag"
)

// usageError is a command line that can't be parsed, with a suggestion if there is one.
type usageError struct {
	fault      string
	suggestion string // a flag, with its dashes; may be empty
}

func (e *usageError) Error() string { return e.fault }

const helpHint = "sqlite-scanner --help lists all flags"

// hintFor returns the advice for an error in the command line.
func hintFor(err error) string {
	var usage *usageError
	if errors.As(err, &usage) && usage.suggestion != "" {
		return fmt.Sprintf("did you mean %s? %s", usage.suggestion, helpHint)
	}
	return helpHint
}

// describeFlagError rewrites an error of pflag in the terms of the help text.
func describeFlagError(err error, flags *pflag.FlagSet) error {
	var unknown *pflag.NotExistError
	var noValue *pflag.ValueRequiredError
	var badValue *pflag.InvalidValueError
	switch {
	case errors.As(err, &unknown):
		return describeUnknownFlag(unknown, flags)
	case errors.As(err, &noValue):
		name, _ := pflag.UnquoteUsage(noValue.GetFlag())
		return &usageError{fault: fmt.Sprintf("--%s needs a value: --%[1]s %s", noValue.GetFlag().Name, name)}
	case errors.As(err, &badValue):
		return &usageError{fault: describeBadValue(badValue.GetFlag(), badValue.GetValue())}
	}
	return &usageError{fault: err.Error()}
}

func describeUnknownFlag(unknown *pflag.NotExistError, flags *pflag.FlagSet) error {
	name, group := unknown.GetSpecifiedName(), unknown.GetSpecifiedShortnames()
	if group == "" {
		return &usageError{fmt.Sprintf("unknown flag: --%s", name), suggestFlag(name, flags)}
	}
	fault := fmt.Sprintf("unknown flag: -%s", name)
	if len(group) == 1 {
		return &usageError{fault, ""}
	}
	word, _, _ := strings.Cut(group, "=")
	return &usageError{fmt.Sprintf("%s in -%s", fault, group), suggestFlag(word, flags)} // -json for --json
}

func describeBadValue(flag *pflag.Flag, value string) string {
	if flag.Value.Type() == "bool" {
		return fmt.Sprintf("--%s takes no value, but was given %q", flag.Name, value)
	}
	return fmt.Sprintf("--%s takes a whole number, not %q", flag.Name, value)
}

// flagSynonyms maps flags of similar programs to ours.
var flagSynonyms = map[string]string{
	"depth": "max-depth", "ignore": "exclude", "null": "print0", "threads": "workers", "jobs": "workers",
	"xdev": "one-file-system", "absolute-path": "relative", "bytes": "size", "human-readable": "human",
}

// suggestFlag returns the flag nearest to a mistyped name, with its dashes, or "".
func suggestFlag(typed string, flags *pflag.FlagSet) string {
	typed = strings.ToLower(strings.ReplaceAll(typed, "_", "-"))
	if name, known := flagSynonyms[typed]; known {
		return "--" + name
	}
	best, least := "", 1+max(1, len(typed)/3)
	flags.VisitAll(func(flag *pflag.Flag) {
		distance := editDistance(typed, flag.Name)
		if len(typed) > 2 && strings.HasPrefix(flag.Name, typed) {
			distance = 0
		}
		if distance < least {
			best, least = "--"+flag.Name, distance
		}
	})
	return best
}

// editDistance counts the letters to insert, delete, replace or swap with their
// neighbour to get from a to b (optimal string alignment).
func editDistance(a, b string) int {
	before, row := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next := make([]int, len(b)+1)
		next[0] = i
		for j := 1; j <= len(b); j++ {
			next[j] = min(row[j]+1, next[j-1]+1)
			if a[i-1] == b[j-1] {
				next[j] = min(next[j], row[j-1])
			} else {
				next[j] = min(next[j], row[j-1]+1)
			}
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}

// findMissingValues finds flags that were parsed as the value of the flag before them.
func findMissingValues(args []string, flags *pflag.FlagSet) []string {
	var faults []string
	for i := 0; i+1 < len(args) && args[i] != "--"; i++ {
		flag := flags.Lookup(strings.TrimPrefix(args[i], "--"))
		if flag == nil || !strings.HasPrefix(args[i], "--") || flag.NoOptDefVal != "" {
			continue
		}
		i++ // its value
		if looksLikeFlag(args[i], flags) {
			faults = append(faults, fmt.Sprintf("--%s needs a value, but is followed by %s; if that is the value, write --%[1]s=%[2]s", flag.Name, args[i]))
		}
	}
	return faults
}

func looksLikeFlag(value string, flags *pflag.FlagSet) bool {
	name, long := strings.CutPrefix(value, "--")
	if !long {
		return len(value) == 2 && value[0] == '-' && flags.ShorthandLookup(value[1:]) != nil
	}
	name, _, _ = strings.Cut(name, "=")
	return name == "" || flags.Lookup(name) != nil
}
