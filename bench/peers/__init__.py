"""Other crawlers, end to end on the loopback web, with the same pages and limits as ours."""
