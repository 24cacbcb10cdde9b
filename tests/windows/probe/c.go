//go:build cgo

package main

/*
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *count(const char *text) {
	size_t room = strlen(text) + 64;
	char *made = malloc(room);
	snprintf(made, room, "C counts %d bytes: %s", (int)strlen(text), text);
	return made;
}
*/
import "C"

import "unsafe"

func init() {
	describe = func(text string) string {
		given := C.CString(text)
		defer C.free(unsafe.Pointer(given))
		made := C.count(given)
		defer C.free(unsafe.Pointer(made))
		return C.GoString(made)
	}
}
