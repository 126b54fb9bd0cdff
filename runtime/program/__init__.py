"""From a schedule, a size and a type to what each rank does, and whether that is right."""
