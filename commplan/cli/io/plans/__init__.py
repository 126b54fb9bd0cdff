"""What commands that make a plan say of it: fields, what was tried, stages."""
