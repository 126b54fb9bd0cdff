"""From a machine and a placement to files by which libraries select among their own algorithms."""
