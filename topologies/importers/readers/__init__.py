"""One format, one module: from the text of a file to what it says of the machine."""
