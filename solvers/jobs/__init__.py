"""Training jobs as values: a model, a layout and a batch, and the bytes that they exchange."""
