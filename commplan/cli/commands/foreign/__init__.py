"""Commands about files of other tools."""
