"""Values: what a collective asks for and what a schedule moves, and their files; no search."""
