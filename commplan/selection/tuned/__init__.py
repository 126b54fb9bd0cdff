"""Selection files for GPUs and NPUs: predicted from fits, read by the rules of their loaders."""
