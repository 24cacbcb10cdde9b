"""The go command: finding it, its environment, commands, output and errors."""
