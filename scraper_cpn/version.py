"""The version of the package, which states and traces name."""

__version__ = "0.1.0"
