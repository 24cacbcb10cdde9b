package scan

import (
	"encoding/binary"
	"strings"
	"testing"
)

// validHeader makes the header of a database of some pages.
func validHeader(pageSize, pages int) []byte {
	raw := make([]byte, HeaderLength)
	copy(raw, magic)
	binary.BigEndian.PutUint16(raw[16:], uint16(pageSize&0xffff|pageSize>>16))
	copy(raw[18:], []byte{1, 1, 0, 64, 32, 32})
	binary.BigEndian.PutUint32(raw[24:], 7)
	binary.BigEndian.PutUint32(raw[28:], uint32(pages))
	binary.BigEndian.PutUint32(raw[44:], 4)
	binary.BigEndian.PutUint32(raw[56:], 1)
	binary.BigEndian.PutUint32(raw[92:], 7)
	binary.BigEndian.PutUint32(raw[96:], 3045001)
	return raw
}

func TestHeaderFields(t *testing.T) {
	raw := validHeader(65536, 3)
	raw[18], raw[19] = 2, 2
	binary.BigEndian.PutUint32(raw[56:], 3)
	binary.BigEndian.PutUint32(raw[60:], 0xffffffff)
	binary.BigEndian.PutUint32(raw[68:], 0x47504b47)
	got := parseHeader(raw, 3*65536, false)
	want := Header{
		Valid: true, PageSize: 65536, PageCount: 3, Encoding: "UTF-16be", JournalMode: "wal", UserVersion: -1,
		ApplicationID: 0x47504b47, Application: "OGC GeoPackage", SchemaFormat: 4, SQLiteVersion: "3.45.1",
	}
	if got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestHeaderEncodingsAndModes(t *testing.T) {
	for value, want := range map[byte]string{0: "UTF-8", 1: "UTF-8", 2: "UTF-16le", 3: "UTF-16be", 4: "unknown"} {
		raw := validHeader(512, 1)
		raw[59] = value
		if got := parseHeader(raw, 512, false).Encoding; got != want {
			t.Errorf("encoding %d is %s, want %s", value, got, want)
		}
	}
	for value, want := range map[byte]string{1: "rollback", 2: "wal", 3: "unknown"} {
		raw := validHeader(512, 1)
		raw[18], raw[19] = value, value
		if got := parseHeader(raw, 512, false).JournalMode; got != want {
			t.Errorf("version %d is %s, want %s", value, got, want)
		}
	}
}

func TestHeaderVersionAndCount(t *testing.T) {
	raw := validHeader(512, 9)
	raw[27] = 8                             // another change counter: the page count is stale
	binary.BigEndian.PutUint32(raw[96:], 0) // written by a SQLite before 3.7
	got := parseHeader(raw, 4*512, false)
	if got.PageCount != 4 || got.SQLiteVersion != "" || !got.Valid {
		t.Errorf("got %+v", got)
	}
}

func TestApplicationNames(t *testing.T) {
	for id, want := range map[uint32]string{
		0x0f055111: "Fossil repository", 0x4d504258: "MBTiles tileset", 0x47503130: "OGC GeoPackage version 1.0",
		0x41554459: "Audacity project", 12: "",
	} {
		if got := applicationName(id, 0); got != want {
			t.Errorf("%#x is %q, want %q", id, got, want)
		}
	}
	if got := applicationName(0, 0x5f4d544e); got != "Monotone source repository" {
		t.Errorf("got %q", got)
	}
}

func TestHeaderFaults(t *testing.T) {
	set := func(offset int, values ...byte) func([]byte) []byte {
		return func(raw []byte) []byte { copy(raw[offset:], values); return raw }
	}
	for name, c := range map[string]struct {
		change func([]byte) []byte
		size   int64
		reason string // how it begins; empty when valid
	}{
		"whole":               {set(0), 1024, ""},
		"room allocated":      {set(0), 4096, ""},
		"no count recorded":   {set(28, 0, 0, 0, 0), 1024, ""},
		"cut header":          {func(raw []byte) []byte { return raw[:50] }, 50, "file of 50 bytes is shorter than the 100-byte header"},
		"only magic":          {func(raw []byte) []byte { return raw[:16] }, 16, "file of 16 bytes is shorter"},
		"page size 0":         {set(16, 0, 0), 1024, "page size 0 is not a power of two"},
		"page size 256":       {set(16, 1, 0), 1024, "page size 256 is not a power of two"},
		"page size 1000":      {set(16, 3, 232), 1024, "page size 1000 is not a power of two"},
		"read version 3":      {set(19, 3), 1024, "read version 3"},
		"reserved space":      {set(20, 33), 1024, "reserved space of 33 bytes leaves 479"},
		"reserved space fits": {set(20, 32), 1024, ""},
		"maximum fraction":    {set(21, 63), 1024, "payload fractions are 63/32/32"},
		"minimum fraction":    {set(22, 31), 1024, "payload fractions are 64/31/32"},
		"leaf fraction":       {set(23, 33), 1024, "payload fractions are 64/32/33"},
		"schema format 5":     {set(47, 5), 1024, "schema format 5 is newer than 4"},
		"reserved byte 72":    {set(72, 9), 1024, "reserved byte 72 is 9"},
		"reserved byte 91":    {set(91, 1), 1024, "reserved byte 91 is 1"},
		"empty tail":          {set(0), 100, "empty tail: the file ends 100 bytes into its first page of 512"},
		"truncated":           {set(0), 512, "truncated: the header counts 2 pages of 512, the file holds 1"},
		"half a page":         {set(28, 0, 0, 0, 0), 1000, "the file ends 488 bytes into a page of 512"},
	} {
		got := parseHeader(c.change(validHeader(512, 2)), c.size, false)
		if !strings.HasPrefix(got.Reason, c.reason) || got.Valid != (c.reason == "") || (got.Reason == "") != got.Valid {
			t.Errorf("%s: valid %v, %q", name, got.Valid, got.Reason)
		}
	}
}

// A field that is cut off, or in half, is not known.
func TestCutHeaders(t *testing.T) {
	for n, want := range map[int]Header{
		16: {Encoding: "unknown", JournalMode: "unknown"},
		17: {Encoding: "unknown", JournalMode: "unknown"},
		20: {PageSize: 512, Encoding: "unknown", JournalMode: "rollback"},
		59: {PageSize: 512, Encoding: "unknown", JournalMode: "rollback", SchemaFormat: 4},
		99: {PageSize: 512, PageCount: 2, Encoding: "UTF-8", JournalMode: "rollback", SchemaFormat: 4},
	} {
		got := parseHeader(validHeader(512, 2)[:n], int64(n), false)
		got.Reason = ""
		if got != want {
			t.Errorf("%d bytes:\ngot  %+v\nwant %+v", n, got, want)
		}
	}
}

// A journal or WAL beside the file holds what the sizes seem to miss.
func TestHeaderInFlight(t *testing.T) {
	if got := parseHeader(validHeader(512, 2), 512, true); !got.Valid {
		t.Errorf("not valid: %s", got.Reason)
	}
}

func FuzzParseHeader(f *testing.F) {
	f.Add(validHeader(4096, 2), int64(8192), false)
	f.Add([]byte(magic), int64(16), true)
	f.Add([]byte{}, int64(0), false)
	f.Fuzz(func(t *testing.T, data []byte, size int64, hasJournal bool) {
		got := parseHeader(data, size, hasJournal)
		if got.Valid != (got.Reason == "") {
			t.Errorf("valid %v with reason %q", got.Valid, got.Reason)
		}
		if got.Valid && (len(data) < HeaderLength || got.PageSize < 512 || got.PageSize > 65536) {
			t.Errorf("valid with page size %d in %d bytes", got.PageSize, len(data))
		}
		if got.PageCount < 0 && size >= 0 {
			t.Errorf("%d pages", got.PageCount)
		}
	})
}
