"""Many workers, one run: the partitions of a net on PostgreSQL, each run by one worker at a time."""
