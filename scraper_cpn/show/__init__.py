"""What people see of a crawl: the live view, the summary, the net."""
