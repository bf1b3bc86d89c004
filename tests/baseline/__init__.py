"""Tests of the scheduler written by hand."""
