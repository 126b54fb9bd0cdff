"""How what is known of a training job is printed."""
