package main

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"unicode/utf8"
)

// oddPaths has every character that JSON or a terminal may need escaped, and
// the ways in which bytes are not UTF-8.
var oddPaths = []string{
	"/plain é 日本 👩‍💻 <&>'", "/quote\" back\\slash/", "/\x00\x01\b\t\n\v\f\r\x1b[31m\x1f\x7f",
	"/replaced \ufffd, bad \xff", "/\xe2\x82 cut short", "/\xed\xa0\x80 surrogate", "/\xc0\xaf overlong",
	"/\xf4\x90\x80\x80 too large", "/line \u2028 paragraph \u2029", "/bidi \u202e noncharacter \U0010ffff",
}

// The file holds for every version of Go: CI runs this test with the oldest
// and the newest.
func TestJSONGolden(t *testing.T) {
	var got strings.Builder
	for _, path := range oddPaths {
		text, exact := jsonPath(path)
		record := ErrorRecord{"error", text, exact, "io", path}
		got.WriteString(encodeJSON(record, "", "", anyCharacter))
		got.WriteString(encodeJSON(record, "", "", isSafe))
	}
	const golden = "testdata/escapes.jsonl"
	if os.Getenv("UPDATE_GOLDEN") != "" {
		must(t, os.WriteFile(golden, []byte(got.String()), 0o644))
	}
	want, err := os.ReadFile(golden)
	must(t, err)
	if got.String() != string(want) {
		t.Errorf("got\n%swant\n%s", got.String(), want)
	}
}

func TestJSONReadsBackTheSame(t *testing.T) {
	check := func(text string) {
		want := strings.ToValidUTF8(text, "\ufffd")
		for _, isPlain := range []func(rune) bool{anyCharacter, isSafe} {
			var got string
			must(t, json.Unmarshal([]byte(encodeJSON(text, "", "", isPlain)), &got))
			if got != want {
				t.Fatalf("%q reads back as %q", text, got)
			}
		}
	}
	for character := range rune(0x10000) {
		check(string(character))
	}
	check(string(utf8.MaxRune))
	for value := range 256 {
		check("a" + string([]byte{byte(value)}) + "b")
	}
}

// What is ASCII encoding/json writes as we do: names, order, what is left out,
// indents.
func TestJSONMatchesTheStructTags(t *testing.T) {
	size := int64(-5)
	for _, value := range []any{
		Record{Path: "/x"}, Record{Event: "match", Path: "/x", PathBase64: "eA==", Size: &size},
		Record{Path: "/x", Details: &Details{Valid: true, Companions: []string{"-wal", "-shm"}, UserVersion: -1, Device: 1 << 63}},
		Record{Path: "/x", Details: &Details{Reason: "cut short", Companions: []string{}, Application: "Fossil"}},
		Progress{"progress", 1, 2, 3, 4}, ErrorRecord{"error", "/x", "", "io", "some reason"},
	} {
		for _, indent := range []string{"", "  "} {
			var want bytes.Buffer
			encoder := json.NewEncoder(&want)
			encoder.SetIndent("    ", indent)
			if indent == "" {
				encoder.SetIndent("", "")
			}
			must(t, encoder.Encode(value))
			if got := encodeJSON(value, "    ", indent, anyCharacter); got != want.String() {
				t.Errorf("got  %s\nwant %s", got, want.String())
			}
		}
	}
}
