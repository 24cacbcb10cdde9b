package scan

var hostStyle = nameStyle{ignoreCase: true, backslash: true}
