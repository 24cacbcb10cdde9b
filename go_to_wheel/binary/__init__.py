"""Reads facts about an executable from an open, seekable stream, and compares them with a target.

Hostile input may be passed: time and memory are bounded, and the only exception is BinaryError.
"""
