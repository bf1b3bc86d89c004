"""What generated text runs on: queues, joins, sets, pages of tokens."""
