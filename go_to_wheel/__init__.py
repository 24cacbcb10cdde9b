"""Turn programs written in Go into Python wheels."""

__version__ = "1.0.0"
