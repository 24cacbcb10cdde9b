package scan

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode/utf8"
)

// Excludes decides which entries a scan leaves out. Its globs are read as in
// a .gitignore file: without a slash a glob is held against names at every
// depth, with one against the path below the root; a slash at the end means
// folders only; "**" crosses folders; "!" takes entries back in; the last glob
// that fits decides. A glob with a slash in front may also be an absolute path.
type Excludes struct {
	globs     []glob
	needsPath bool
}

type glob struct {
	negated     bool
	foldersOnly bool
	anchored    bool           // held against the path, not the name
	absolute    bool           // had a slash in front
	suffix      string         // "*suffix", the quick way
	literal     string         // no wildcard at all, the quick way
	expression  *regexp.Regexp // everything else
}

// GlobError says which glob cannot be read.
type GlobError struct {
	Glob, Reason string
}

func (e *GlobError) Error() string {
	return fmt.Sprintf("bad glob %q: %s", e.Glob, e.Reason)
}

// ParseExcludes compiles globs; the error is a *GlobError.
func ParseExcludes(globs []string) (*Excludes, error) {
	excludes := &Excludes{}
	for _, text := range globs {
		parsed, err := parseGlob(text)
		if err != nil {
			return nil, err
		}
		excludes.globs = append(excludes.globs, parsed)
		excludes.needsPath = excludes.needsPath || parsed.anchored
	}
	return excludes, nil
}

func parseGlob(text string) (glob, error) {
	var g glob
	body := text
	if filepath.IsAbs(body) {
		body = "/" + strings.TrimPrefix(filepath.ToSlash(body), "/")
	}
	body, g.negated = strings.CutPrefix(body, "!")
	trimmed := strings.TrimRight(body, "/")
	g.foldersOnly = trimmed != body
	body, g.absolute = strings.CutPrefix(trimmed, "/")
	g.anchored = g.absolute || strings.Contains(body, "/")
	if body == "" {
		return g, &GlobError{text, "it names nothing"}
	}
	return g, g.compile(text, body)
}

func (g *glob) compile(text, body string) error {
	rest, star := strings.CutPrefix(body, "*")
	switch {
	case !strings.ContainsAny(body, `*?[\`):
		g.literal = body
	case star && !g.anchored && !strings.ContainsAny(rest, `*?[\`):
		g.suffix = rest
	default:
		pattern, err := translateGlob(text, body)
		if err != nil {
			return err
		}
		if g.expression, err = regexp.Compile(pattern); err != nil {
			return &GlobError{text, explain(err)}
		}
	}
	return nil
}

// explain leaves out that there is a regular expression behind a glob.
func explain(err error) string {
	var wrong *syntax.Error
	if errors.As(err, &wrong) {
		return fmt.Sprintf("%s %q", wrong.Code, wrong.Expr)
	}
	return err.Error()
}

func (g *glob) fits(text string) bool {
	switch {
	case g.expression != nil:
		return g.expression.MatchString(text)
	case g.literal != "":
		return text == g.literal
	}
	return strings.HasSuffix(text, g.suffix)
}

// excluded decides about one entry: its name, its path below the root and its
// absolute path without the slash in front (these two only when needsPath).
func (e *Excludes) excluded(name, below, absolute string, folder bool) bool {
	for i := len(e.globs) - 1; i >= 0; i-- {
		g := &e.globs[i]
		if g.foldersOnly && !folder {
			continue
		}
		fits := false
		if g.anchored {
			fits = g.fits(below) || g.absolute && g.fits(absolute)
		} else {
			fits = g.fits(name)
		}
		if fits {
			return !g.negated
		}
	}
	return false
}

// translateGlob turns the body of a glob into a regular expression.
func translateGlob(text, body string) (string, error) {
	out := strings.Builder{}
	out.WriteString(`(?s)\A`)
	startsPart := true
	for rest := body; rest != ""; {
		expression, after, err := translateNext(rest, startsPart)
		if err != nil {
			return "", &GlobError{text, err.Error()}
		}
		out.WriteString(expression)
		startsPart = rest[len(rest)-len(after)-1] == '/'
		rest = after
	}
	out.WriteString(`\z`)
	return out.String(), nil
}

// translateNext translates the front of rest and returns what follows it.
func translateNext(rest string, startsPart bool) (expression, after string, err error) {
	switch {
	case startsPart && strings.HasPrefix(rest, "**/"):
		return `(?:[^/]*/)*`, rest[3:], nil
	case startsPart && rest == "**":
		return `.*`, "", nil
	case rest[0] == '*':
		return `[^/]*`, strings.TrimLeft(rest, "*"), nil
	case rest[0] == '?':
		return `[^/]`, rest[1:], nil
	case rest[0] == '[':
		return translateClass(rest)
	case rest == `\`:
		return "", "", errors.New(`the backslash at its end escapes nothing; write \\`)
	}
	character, after := nextCharacter(rest)
	return regexp.QuoteMeta(string(character)), after, nil
}

// translateClass translates a class such as [a-z] or [!0-9].
func translateClass(rest string) (expression, after string, err error) {
	out := strings.Builder{}
	out.WriteString("[")
	after = rest[1:]
	if after != "" && (after[0] == '!' || after[0] == '^') {
		out.WriteString("^/")
		after = after[1:]
	}
	for first := true; first || !strings.HasPrefix(after, "]"); first = false {
		if after == "" {
			return "", "", errors.New(`"[" without "]"; write \[ for the character itself`)
		}
		var character rune
		dash := after[0] == '-'
		character, after = nextCharacter(after)
		if dash && !first && !strings.HasPrefix(after, "]") {
			out.WriteString("-")
			continue
		}
		out.WriteString(quoteInClass(character))
	}
	out.WriteString("]")
	return out.String(), after[1:], nil
}

// nextCharacter takes one character, escaped or not. A byte that is no UTF-8
// becomes U+FFFD, which is also how regexp sees such bytes in names.
func nextCharacter(rest string) (character rune, after string) {
	if len(rest) > 1 && rest[0] == '\\' {
		rest = rest[1:]
	}
	character, width := utf8.DecodeRuneInString(rest)
	return character, rest[width:]
}

func quoteInClass(character rune) string {
	if strings.ContainsRune(`\]^-[`, character) {
		return `\` + string(character)
	}
	return string(character)
}
