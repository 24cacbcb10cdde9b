"""Checks wheels from any tool, without unpacking them."""
