"""The Python source of a checked net: one function for each thing that a place or a transition does."""
