"""From a schedule and a size to the seconds that it takes on its machine."""
