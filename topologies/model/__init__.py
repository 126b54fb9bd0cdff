"""The machine as a value, and the words, units and errors that all floors share."""
