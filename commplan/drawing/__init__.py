"""From a machine, or times over sizes, to a picture: boxes, tiers, links; curves."""
