"""Grammars that several formats share: XML, YAML, lists of hosts, names with numbers."""
