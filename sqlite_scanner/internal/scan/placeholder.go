package scan

// Marks of files whose content is not on this disk.
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
