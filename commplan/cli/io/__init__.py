"""From words of the command line to values, and from answers to lines and JSON."""
