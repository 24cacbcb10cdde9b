"""Options: requested and detected values -> the values of one build."""
