package scan

import (
	"encoding/binary"
	"fmt"
	"math/bits"
)

const (
	magic       = "SQLite format 3\x00"
	magicLength = len(magic)
	// HeaderLength is the length of a database's header, in bytes.
	HeaderLength = 100
	encodingEnd  = 60 // where the encoding's number ends
)

// Header is what the first 100 bytes of a database say, together with the
// file's size (https://www.sqlite.org/fileformat2.html section 1.3).
type Header struct {
	Valid         bool
	Reason        string // why not valid; empty when it is
	PageSize      int
	PageCount     int64
	Encoding      string // UTF-8, UTF-16le, UTF-16be or unknown
	JournalMode   string // rollback, wal or unknown
	UserVersion   int32
	ApplicationID int32
	Application   string // empty when the id is not a known one
	SchemaFormat  int64
	SQLiteVersion string // the SQLite that wrote last; empty when not recorded
}

// isDatabase reports whether data begins with SQLite's magic.
func isDatabase(data []byte) bool {
	return len(data) >= magicLength && string(data[:magicLength]) == magic
}

// parseHeader reads the fields of a database header out of data, which may be
// cut short, and checks them against the size of the file in bytes.
// With hasJournal, a journal or a WAL beside it, the file may have another size than
// its header says: SQLite will replay that.
func parseHeader(data []byte, size int64, hasJournal bool) Header {
	var raw [HeaderLength]byte
	copy(raw[:], data[:len(data)&^3]) // no numbers of four bytes that are cut in half
	header := decodeHeader(raw[:], size)
	if len(data) < encodingEnd {
		header.Encoding = "unknown"
	}
	if len(data) < HeaderLength {
		header.Reason = fmt.Sprintf("file of %d bytes is shorter than the 100-byte header", len(data))
	} else {
		header.Reason = findFault(raw[:], size, header.PageSize, hasJournal)
	}
	header.Valid = header.Reason == ""
	return header
}

func decodeHeader(raw []byte, size int64) Header {
	pageSize := decodePageSize(raw)
	userVersion := binary.BigEndian.Uint32(raw[60:])
	applicationID := binary.BigEndian.Uint32(raw[68:])
	return Header{
		PageSize:      pageSize,
		PageCount:     countPages(raw, size, pageSize),
		Encoding:      encodingName(binary.BigEndian.Uint32(raw[56:])),
		JournalMode:   journalMode(raw[18], raw[19]),
		UserVersion:   int32(userVersion),
		ApplicationID: int32(applicationID),
		Application:   applicationName(applicationID, userVersion),
		SchemaFormat:  int64(binary.BigEndian.Uint32(raw[44:])),
		SQLiteVersion: formatVersion(binary.BigEndian.Uint32(raw[96:])),
	}
}

// decodePageSize returns the page size in bytes; the value 1 stands for 65536.
func decodePageSize(raw []byte) int {
	size := int(binary.BigEndian.Uint16(raw[16:]))
	if size == 1 {
		return 65536
	}
	return size
}

// countPages prefers the header's count, which is valid only when the change counter
// equals the version-valid-for number (section 1.3.7).
func countPages(raw []byte, size int64, pageSize int) int64 {
	if count := recordedPages(raw); count > 0 {
		return count
	}
	if pageSize == 0 {
		return 0
	}
	return size / int64(pageSize)
}

func recordedPages(raw []byte) int64 {
	if binary.BigEndian.Uint32(raw[24:]) != binary.BigEndian.Uint32(raw[92:]) {
		return 0
	}
	return int64(binary.BigEndian.Uint32(raw[28:]))
}

// encodingName follows SQLite, which looks at the lowest two bits and takes
// "not set yet" for UTF-8.
func encodingName(value uint32) string {
	switch value {
	case 0, 1:
		return "UTF-8"
	case 2:
		return "UTF-16le"
	case 3:
		return "UTF-16be"
	}
	return "unknown"
}

func journalMode(write, read byte) string {
	switch {
	case write == 2 && read == 2:
		return "wal"
	case write == 1 && read == 1:
		return "rollback"
	}
	return "unknown"
}

// formatVersion turns 3045001 into 3.45.1.
func formatVersion(number uint32) string {
	if number == 0 {
		return ""
	}
	return fmt.Sprintf("%d.%d.%d", number/1_000_000, number/1000%1000, number%1000)
}

// findFault returns the first thing wrong with a whole header, or "".
func findFault(raw []byte, size int64, pageSize int, hasJournal bool) string {
	if pageSize < 512 || bits.OnesCount(uint(pageSize)) != 1 {
		return fmt.Sprintf("page size %d is not a power of two from 512 to 65536", pageSize)
	}
	if reason := findFieldFault(raw, pageSize); reason != "" {
		return reason
	}
	if hasJournal {
		return ""
	}
	return findSizeFault(recordedPages(raw), size, int64(pageSize))
}

func findFieldFault(raw []byte, pageSize int) string {
	if read := raw[19]; read != 1 && read != 2 {
		return fmt.Sprintf("read version %d is neither 1 (rollback) nor 2 (WAL)", read)
	}
	if usable := pageSize - int(raw[20]); usable < 480 {
		return fmt.Sprintf("reserved space of %d bytes leaves %d usable bytes in a page, fewer than 480", raw[20], usable)
	}
	if raw[21] != 64 || raw[22] != 32 || raw[23] != 32 {
		return fmt.Sprintf("payload fractions are %d/%d/%d, not 64/32/32", raw[21], raw[22], raw[23])
	}
	if format := binary.BigEndian.Uint32(raw[44:]); format > 4 {
		return fmt.Sprintf("schema format %d is newer than 4", format)
	}
	for offset := 72; offset < 92; offset++ {
		if raw[offset] != 0 {
			return fmt.Sprintf("reserved byte %d is %d, not zero", offset, raw[offset])
		}
	}
	return ""
}

// findSizeFault compares sizes. A file longer than its header says is fine:
// SQLite can be set to allocate ahead.
func findSizeFault(recorded, size, pageSize int64) string {
	switch {
	case size < pageSize:
		return fmt.Sprintf("empty tail: the file ends %d bytes into its first page of %d", size, pageSize)
	case recorded*pageSize > size:
		return fmt.Sprintf("truncated: the header counts %d pages of %d, the file holds %d", recorded, pageSize, size/pageSize)
	case size%pageSize != 0:
		return fmt.Sprintf("the file ends %d bytes into a page of %d", size%pageSize, pageSize)
	}
	return ""
}
