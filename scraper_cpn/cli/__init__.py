"""The `scrape` command: one file for each subcommand, its arguments, signals and streams."""
