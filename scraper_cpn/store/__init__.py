"""Durable markings: one port with two implementations, in memory and in SQLite."""
