"""Where a marking survives: one port, in memory and in SQLite, with one contract suite for both."""
