"""Generating the Python source of a checked net: one function for each operation of a place or a transition."""
