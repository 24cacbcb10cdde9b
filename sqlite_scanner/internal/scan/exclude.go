package scan

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode/utf8"
)

// Excludes decides which entries a scan leaves out. Its globs have the syntax of a
// .gitignore file: without a slash a glob is matched against names at every depth,
// with one against the path below the root; a slash at the end means folders only;
// "**" crosses folders; "!" includes entries again; the last glob that matches
// decides. A glob that starts with a slash may also be an absolute path.
//
// On Windows a backslash is a slash and case makes no difference; on macOS
// composed and decomposed characters are the same (nameStyle).
type Excludes struct {
	style     nameStyle
	globs     []glob
	needsPath bool
}

// nameStyle is how a system compares names.
type nameStyle struct {
	ignoreCase bool                // upper and lower case are the same
	backslash  bool                // a backslash separates folders, and escapes nothing
	normalize  func(string) string // to the form that names are compared in; nil changes nothing
}

type glob struct {
	negated     bool
	foldersOnly bool
	anchored    bool           // matched against the path, not the name
	absolute    bool           // had a slash in front
	suffix      string         // "*suffix", the quick way
	literal     string         // no wildcard at all, the quick way
	expression  *regexp.Regexp // everything else
}

// GlobError is a glob that cannot be parsed.
type GlobError struct {
	Glob, Reason string
}

func (e *GlobError) Error() string {
	return fmt.Sprintf("bad glob %q: %s", e.Glob, e.Reason)
}

// ParseExcludes compiles globs as this system compares names; the error is a
// *GlobError.
func ParseExcludes(globs []string) (*Excludes, error) { return parseExcludes(globs, hostStyle) }

func parseExcludes(globs []string, style nameStyle) (*Excludes, error) {
	excludes := &Excludes{style: style}
	for _, text := range globs {
		parsed, err := parseGlob(text, style)
		if err != nil {
			return nil, err
		}
		excludes.globs = append(excludes.globs, parsed)
		excludes.needsPath = excludes.needsPath || parsed.anchored
	}
	return excludes, nil
}

func parseGlob(text string, style nameStyle) (glob, error) {
	var g glob
	body := text
	if style.backslash {
		body = strings.ReplaceAll(body, `\`, "/")
	}
	if style.normalize != nil {
		body = style.normalize(body)
	}
	body, g.negated = strings.CutPrefix(body, "!")
	if style.backslash {
		body = rootedDrive(body)
	}
	if rest, below := strings.CutPrefix(body, "./"); below {
		body = "/" + strings.TrimLeft(rest, "/") // below the root, as a shell would read it
	}
	trimmed := strings.TrimRight(body, "/")
	g.foldersOnly = trimmed != body
	body, g.absolute = strings.CutPrefix(trimmed, "/")
	g.anchored = g.absolute || strings.Contains(body, "/")
	if body == "" {
		return g, &GlobError{text, "it names nothing"}
	}
	for _, part := range strings.Split(body, "/") {
		switch part {
		case "":
			return g, &GlobError{text, "two slashes with nothing between them match nothing"}
		case ".", "..":
			return g, &GlobError{text, fmt.Sprintf("no entry is called %q, so it matches nothing; to scan that folder, write it before --exclude or after --", part)}
		}
	}
	return g, g.compile(text, body, style)
}

// rootedDrive puts a single slash in front of an absolute Windows path, written
// with slashes: c:/x, //server/share/x, //?/c:/x, //?/UNC/server/share/x.
func rootedDrive(path string) string {
	if rest, extended := strings.CutPrefix(path, "//?/"); extended {
		if len(rest) > 4 && strings.EqualFold(rest[:4], "UNC/") {
			rest = rest[4:]
		}
		return "/" + rest
	}
	if len(path) > 2 && path[1] == ':' && path[2] == '/' {
		return "/" + path
	}
	if strings.HasPrefix(path, "//") {
		return path[1:]
	}
	return path
}

func (g *glob) compile(text, body string, style nameStyle) error {
	rest, star := strings.CutPrefix(body, "*")
	switch {
	case !strings.ContainsAny(body, `*?[\`):
		g.literal = style.fold(body)
	case star && !g.anchored && !strings.ContainsAny(rest, `*?[\`):
		g.suffix = style.fold(rest)
	default:
		pattern, err := translateGlob(text, body)
		if err != nil {
			return err
		}
		if style.ignoreCase {
			pattern = "(?i)" + pattern
		}
		if g.expression, err = regexp.Compile(pattern); err != nil {
			return &GlobError{text, describeSyntaxError(err)}
		}
	}
	return nil
}

// fold returns the form in which literal names are compared.
func (s nameStyle) fold(name string) string {
	if s.normalize != nil {
		name = s.normalize(name)
	}
	if s.ignoreCase {
		name = strings.ToLower(name)
	}
	return name
}

// describeSyntaxError does not mention the regular expression that a glob becomes.
func describeSyntaxError(err error) string {
	var wrong *syntax.Error
	if errors.As(err, &wrong) {
		return fmt.Sprintf("%s %q", wrong.Code, wrong.Expr)
	}
	return err.Error()
}

func (g *glob) matches(text string) bool {
	switch {
	case g.expression != nil:
		return g.expression.MatchString(text)
	case g.literal != "":
		return text == g.literal
	}
	return strings.HasSuffix(text, g.suffix)
}

// excluded reports whether an entry is left out, given its name and (only when
// needsPath) its path below the root and its absolute path without the first slash.
func (e *Excludes) excluded(name, below, absolute string, folder bool) bool {
	name, below, absolute = e.style.fold(name), e.style.fold(below), e.style.fold(absolute)
	for i := len(e.globs) - 1; i >= 0; i-- {
		g := &e.globs[i]
		if g.foldersOnly && !folder {
			continue
		}
		matched := false
		if g.anchored {
			matched = g.matches(below) || g.absolute && g.matches(absolute)
		} else {
			matched = g.matches(name)
		}
		if matched {
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
