"""From what a call asks for to a plan that all processes agree on."""
