"""Tests of `bench`: that each measurement measures what it says."""
