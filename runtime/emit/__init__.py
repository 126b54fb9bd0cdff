"""Programs as files for other runtimes: one target, one module."""
