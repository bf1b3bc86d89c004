"""Measurements: what this program costs, in numbers that anyone can reproduce. Not in the wheel."""
