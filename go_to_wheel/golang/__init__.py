"""Everything that knows the go command: finding it, its environment, commands, answers, errors."""
