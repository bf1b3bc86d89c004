"""The interpreter: a slow, obvious execution that defines what a net means."""
