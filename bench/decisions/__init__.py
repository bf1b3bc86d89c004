"""Decisions per second, in virtual time: the net beside a scheduler written by hand."""
