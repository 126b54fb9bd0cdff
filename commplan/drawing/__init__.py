"""From a machine to a picture that a person recognises: boxes, tiers of switches, and links."""
