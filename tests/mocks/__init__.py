"""Tests of the mocked HTTP layer."""
