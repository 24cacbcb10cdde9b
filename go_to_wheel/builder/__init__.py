"""The stages from a request to wheels.

locate → detect → resolve → compile and inspect → pack → check → publish. Wheels are copied to
the output folder after all of them are checked.
"""
