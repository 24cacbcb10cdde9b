"""The verdict on finished wheels, ours or anybody's: they are opened, never unpacked."""
