"""What a crawl has done: counters, summary, failed log, levels."""
