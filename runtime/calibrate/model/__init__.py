"""What is thought of a machine while it is measured: cables, how flows share them, trees."""
