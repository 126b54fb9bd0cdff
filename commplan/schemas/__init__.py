"""From a kind of file to its JSON Schema, made of the classes that read or write it."""
