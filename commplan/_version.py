"""The version of commplan, here and nowhere else; known too where it is not installed."""

VERSION = "0.1.0"
