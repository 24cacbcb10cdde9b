"""Options: what was asked for and what was detected -> the values of one build."""
