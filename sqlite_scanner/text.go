package main

import (
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"

	"sqlite-scanner/internal/scan"
)

// formatText returns the lines for one database.
func formatText(match scan.Match, opts *options, escape bool) string {
	path := match.Path
	if escape {
		path = escapeText(path)
	}
	switch {
	case opts.print0:
		return match.Path + "\x00"
	case opts.size || opts.human:
		path = fmt.Sprintf("%s (%s)", path, formatSize(match.Size, opts.human))
	}
	if !opts.scan.Details {
		return path + "\n"
	}
	if !match.Header.Valid {
		path += "\n    not valid: " + match.Header.Reason
	}
	return path + "\n    " + formatDetails(match, opts.human) + "\n"
}

// formatSize writes a size in bytes, or as ls -h does: rounded up, in powers of
// 1024, with a decimal below ten.
func formatSize(size int64, human bool) string {
	const units = "KMGTPE"
	if !human || size < 1024 {
		return fmt.Sprintf("%d bytes", size)
	}
	unit, value := -1, float64(size)
	for ; unit < 0 || math.Ceil(value) >= 1024 && unit+1 < len(units); unit++ {
		value /= 1024
	}
	if tenths := math.Ceil(value * 10); tenths < 100 {
		return fmt.Sprintf("%.1f%c", tenths/10, units[unit])
	}
	return fmt.Sprintf("%.0f%c", math.Ceil(value), units[unit])
}

// relativePath returns a path relative to a folder, or the path itself if it is on another
// drive. "./" keeps a name that begins with a dash from looking like a flag.
func relativePath(base, path string) string {
	relative, err := filepath.Rel(base, path)
	switch {
	case err != nil:
		return path
	case strings.HasPrefix(relative, "-"):
		return "." + string(filepath.Separator) + relative
	}
	return relative
}

// currentSchemaFormat is the schema format of all databases that are not very old.
const currentSchemaFormat = 4

// formatDetails returns one line with the most useful details of a database.
func formatDetails(match scan.Match, human bool) string {
	h := match.Header
	var parts []string
	add := func(wanted bool, format string, values ...any) {
		if wanted {
			parts = append(parts, fmt.Sprintf(format, values...))
		}
	}
	add(h.Application != "", "%s", h.Application)
	add(true, "%s", formatSize(match.Size, human))
	add(h.PageSize != 0, "%d pages of %d", h.PageCount, h.PageSize)
	add(true, "%s", h.Encoding)
	add(true, "%s", h.JournalMode)
	add(h.UserVersion != 0, "user_version %d", h.UserVersion)
	add(h.ApplicationID != 0 && h.Application == "", "application_id 0x%08x", uint32(h.ApplicationID))
	add(h.SchemaFormat != 0 && h.SchemaFormat != currentSchemaFormat, "schema format %d", h.SchemaFormat)
	add(h.SQLiteVersion != "", "SQLite %s", h.SQLiteVersion)
	add(true, "modified %s", match.Modified.UTC().Format("2006-01-02T15:04:05Z"))
	add(len(match.Companions) > 0, "beside it %s", strings.Join(match.Companions, " "))
	return strings.Join(parts, ", ")
}

// escapeText makes a path safe for a terminal. It writes unprintable characters as Go
// escapes, so that names cannot move the cursor, reverse text or fake lines.
func escapeText(text string) string {
	var out strings.Builder
	for text != "" {
		character, width := utf8.DecodeRuneInString(text)
		switch {
		case character == utf8.RuneError && width == 1:
			fmt.Fprintf(&out, `\x%02x`, text[0])
		case !isSafe(character):
			quoted := fmt.Sprintf("%+q", string(character))
			out.WriteString(quoted[1 : len(quoted)-1])
		default:
			out.WriteRune(character)
		}
		text = text[width:]
	}
	return out.String()
}

// isSafe reports whether a character is safe on a terminal. The joiners that emoji and
// many scripts need are.
func isSafe(character rune) bool {
	return unicode.IsPrint(character) || character == '\u200d' || character == '\u200c' || unicode.Is(unicode.Zs, character)
}
