"""commplan: the fastest collective that a machine allows, with the proof, as a program."""
