"""What an executable is, read from its own bytes.

`read.read_facts` takes an open, seekable binary stream; `match.inspect_program` adds whether
it fits a target. Nothing here opens a file, and no input makes it crash, hang or allocate
what the input asks for: what can't be read is a `BinaryError` that names what it is instead.
"""
