"""Options: the table, their values, the config file, the proxies file."""
