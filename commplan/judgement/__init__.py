"""From measured times to how far they are from what a machine allows, and what explains that."""
