"""`template` is the Python package that goes into each wheel, next to the program."""
