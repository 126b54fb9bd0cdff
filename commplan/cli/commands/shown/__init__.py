"""Commands that show a schedule: as text, and as a page."""
