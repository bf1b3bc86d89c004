"""The sections of the report, each from its data."""
