"""Items: validation and outputs."""
