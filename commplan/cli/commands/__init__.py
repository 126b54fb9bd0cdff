"""The commands: each takes what was read, calls the library, and answers."""
