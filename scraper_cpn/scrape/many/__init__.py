"""A crawl on many machines: its partitions by domain, its workers, and its status as a whole."""
