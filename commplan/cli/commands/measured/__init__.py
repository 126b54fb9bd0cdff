"""Commands that set a machine beside what was measured on it."""
