package scan

// Flags of files whose content is not on this disk.
const (
	macDataless = 0x40000000 // SF_DATALESS, <sys/stat.h>

	windowsOffline          = 0x00001000 // FILE_ATTRIBUTE_OFFLINE, <winnt.h>
	windowsRecallOnOpen     = 0x00040000 // FILE_ATTRIBUTE_RECALL_ON_OPEN
	windowsRecallOnDataRead = 0x00400000 // FILE_ATTRIBUTE_RECALL_ON_DATA_ACCESS
)

func macPlaceholder(flags uint32) bool { return flags&macDataless != 0 }

func windowsPlaceholder(attributes uint32) bool {
	return attributes&(windowsOffline|windowsRecallOnOpen|windowsRecallOnDataRead) != 0
}

// Attributes and tags of Windows' entries (<winnt.h>, [MS-FSCC] 2.1.2.1).
const (
	windowsDirectory    = 0x10
	windowsReparsePoint = 0x400

	nameSurrogate = 0x20000000 // in a tag: the entry stands for another one
)

// windowsSpecial are the tags of entries that hold no data of their own.
var windowsSpecial = map[uint32]bool{
	0x8000001b: true, // APPEXECLINK: an alias of a program from the store
	0x80000023: true, // AF_UNIX: a socket
	0x80000024: true, // LX_FIFO: these three are made by WSL
	0x80000025: true, // LX_CHR
	0x80000026: true, // LX_BLK
}

// windowsKind returns the type of an entry. It uses tag for reparse points only.
//
// A tag that is a name surrogate is a link: a symbolic link, a junction or a mounted
// volume. Other tags belong to filters that store the data (OneDrive, deduplication,
// compression): those entries are ordinary files and folders.
func windowsKind(attributes, tag uint32) entryKind {
	if attributes&windowsReparsePoint != 0 {
		switch {
		case tag&nameSurrogate != 0:
			return linkEntry
		case windowsSpecial[tag]:
			return otherEntry
		}
	}
	if attributes&windowsDirectory != 0 {
		return folderEntry
	}
	return fileEntry
}
