package main

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// encodeJSON returns a record as JSON and a newline, the same bytes with every version of
// Go: what encoding/json writes for a path that is not UTF-8 changed in Go 1.27. It reads
// the struct tags of encoding/json. It escapes quotes, backslashes, control characters,
// U+2028, U+2029, invalid UTF-8 (as U+FFFD), and characters that are not isPlain.
func encodeJSON(value any, prefix, indent string, isPlain func(rune) bool) string {
	w := jsonWriter{prefix: prefix, indent: indent, isPlain: isPlain}
	w.value(reflect.ValueOf(value))
	return string(append(w.out, '\n'))
}

// jsonWriter writes one value. With an indent each item has its own line, which starts
// with the prefix and the indent once for each level.
type jsonWriter struct {
	out            []byte
	prefix, indent string
	level          int
	isPlain        func(rune) bool
}

func (w *jsonWriter) value(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		w.text(v.String())
	case reflect.Bool:
		w.out = strconv.AppendBool(w.out, v.Bool())
	case reflect.Int, reflect.Int32, reflect.Int64:
		w.out = strconv.AppendInt(w.out, v.Int(), 10)
	case reflect.Uint64:
		w.out = strconv.AppendUint(w.out, v.Uint(), 10)
	case reflect.Pointer:
		w.value(v.Elem())
	case reflect.Slice:
		w.slice(v)
	case reflect.Struct:
		w.object(v)
	default:
		panic(fmt.Sprintf("encodeJSON: unsupported type %s", v.Type()))
	}
}

func (w *jsonWriter) slice(v reflect.Value) {
	w.out = append(w.out, '[')
	w.level++
	for i := range v.Len() {
		w.item(i == 0)
		w.value(v.Index(i))
	}
	w.end(']', v.Len() == 0)
}

func (w *jsonWriter) object(v reflect.Value) {
	w.out = append(w.out, '{')
	w.level++
	first := w.fields(v, true)
	w.end('}', first)
}

// fields writes the fields of a struct and of embedded structs. It reports whether the
// object is still empty.
func (w *jsonWriter) fields(v reflect.Value, first bool) bool {
	for i := range v.NumField() {
		field, fieldType := v.Field(i), v.Type().Field(i)
		if fieldType.Anonymous {
			if !field.IsNil() {
				first = w.fields(field.Elem(), first)
			}
			continue
		}
		name, option, _ := strings.Cut(fieldType.Tag.Get("json"), ",")
		if option == "omitempty" && field.IsZero() {
			continue
		}
		w.item(first)
		first = false
		w.text(name)
		w.out = append(w.out, ':')
		if w.indent != "" {
			w.out = append(w.out, ' ')
		}
		w.value(field)
	}
	return first
}

func (w *jsonWriter) item(first bool) {
	if !first {
		w.out = append(w.out, ',')
	}
	w.newLine()
}

func (w *jsonWriter) end(bracket byte, empty bool) {
	w.level--
	if !empty {
		w.newLine()
	}
	w.out = append(w.out, bracket)
}

func (w *jsonWriter) newLine() {
	if w.indent != "" {
		w.out = append(w.out, '\n')
		w.out = append(w.out, w.prefix...)
		w.out = append(w.out, strings.Repeat(w.indent, w.level)...)
	}
}

// shortEscapes are the characters with an escape of their own (RFC 8259,
// section 7).
var shortEscapes = map[rune]string{
	'"': `\"`, '\\': `\\`, '\b': `\b`, '\f': `\f`, '\n': `\n`, '\r': `\r`, '\t': `\t`,
}

func (w *jsonWriter) text(text string) {
	w.out = append(w.out, '"')
	for text != "" {
		character, width := utf8.DecodeRuneInString(text)
		invalid := character == utf8.RuneError && width == 1
		short, hasShort := shortEscapes[character]
		switch {
		case hasShort:
			w.out = append(w.out, short...)
		case invalid || character < ' ' || character == '\u2028' || character == '\u2029' || !w.isPlain(character):
			for _, unit := range utf16.AppendRune(nil, character) {
				w.out = fmt.Appendf(w.out, `\u%04x`, unit)
			}
		default:
			w.out = append(w.out, text[:width]...)
		}
		text = text[width:]
	}
	w.out = append(w.out, '"')
}

// anyCharacter is the isPlain of output to files and pipes.
func anyCharacter(rune) bool { return true }
