"""Where the program comes from: a folder in a Go module, a module that Go fetches, or prebuilt
binaries. Each gives a frozen source, so that later stages need not know which it was.
"""
