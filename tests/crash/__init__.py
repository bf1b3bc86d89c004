"""Crawls by the real command that end in all the ways a process, a disk or a clock can end them."""
