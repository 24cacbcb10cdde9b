package scan

import "golang.org/x/text/unicode/norm"

var hostStyle = nameStyle{normalize: norm.NFC.String}
