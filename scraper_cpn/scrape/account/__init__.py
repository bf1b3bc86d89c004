"""The account of a crawl: counters, summary, failed log, levels."""
