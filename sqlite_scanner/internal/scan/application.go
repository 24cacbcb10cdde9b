package scan

// applications holds the registered application_id values, as SQLite's own
// magic.txt lists them (https://www.sqlite.org/src/file/magic.txt), and
// Audacity's, which file(1) knows too.
var applications = map[uint32]string{
	0x0f055111: "Fossil repository",
	0x0f055112: "Fossil checkout",
	0x0f055113: "Fossil global configuration",
	0x41554459: "Audacity project",
	0x42654462: "Bentley Systems BeSQLite Database",
	0x42654c6e: "Bentley Systems Localization File",
	0x45737269: "Esri Spatially-Enabled Database",
	0x47503130: "OGC GeoPackage version 1.0",
	0x47504b47: "OGC GeoPackage",
	0x4d504258: "MBTiles tileset",
	0x6a035744: "TeXnicard card database",
}

// monotone marks its databases in user_version, not in application_id.
const monotone = 0x5f4d544e

func applicationName(applicationID, userVersion uint32) string {
	if userVersion == monotone {
		return "Monotone source repository"
	}
	return applications[applicationID]
}
