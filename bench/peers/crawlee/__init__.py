"""The driver of crawlee; it runs in an environment of its own."""
