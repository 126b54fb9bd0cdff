"""From measured times to start-up times, hops and rates, and to a machine that carries them."""
