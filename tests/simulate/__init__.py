"""Tests of virtual time and the synthetic web."""
