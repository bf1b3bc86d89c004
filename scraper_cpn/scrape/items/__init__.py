"""Values in, files out: validation and outputs."""
