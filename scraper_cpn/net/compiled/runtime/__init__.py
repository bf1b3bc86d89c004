"""The data structures of generated source: queues, joins, sets, pages of tokens."""
