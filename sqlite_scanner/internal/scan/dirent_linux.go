package scan

import (
	"bytes"
	"encoding/binary"
	"unsafe"
)

// Offsets in struct linux_dirent64, getdents64(2).
const (
	direntInode  = 0
	direntLength = 16
	direntType   = 18
	direntName   = 19
)

// dirent is one entry of a listing. Its name is in the listing's buffer, followed by a
// NUL: usable in system calls, and to be cloned before the buffer is reused.
type dirent struct {
	name string
	kind byte // DT_REG and so on
}

// nextDirent splits the first entry off a listing; ok is false when the listing is
// empty or malformed.
func nextDirent(listing []byte) (entry dirent, rest []byte, ok bool) {
	if len(listing) <= direntName {
		return dirent{}, nil, false
	}
	length := int(binary.NativeEndian.Uint16(listing[direntLength:]))
	if length <= direntName || length > len(listing) {
		return dirent{}, nil, false
	}
	name := listing[direntName:length]
	end := bytes.IndexByte(name, 0)
	if end < 1 {
		return dirent{}, nil, false
	}
	entry = dirent{name: unsafe.String(&name[0], end), kind: listing[direntType]}
	return entry, listing[length:], true
}

// isDots reports whether a name is "." or "..".
func isDots(name string) bool { return name == "." || name == ".." }
