"""The way from a request to wheels.

locate → detect → resolve → compile and inspect → pack → check → publish. Nothing appears in
the output folder before every wheel is checked; then they are copied there under temporary
names and renamed.
"""
