"""Measurements: what this program costs, in numbers that anyone can get again. Not in the wheel."""
