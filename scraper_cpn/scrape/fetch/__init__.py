"""Requests out, outcomes back: clients, answers, the event loop, open files."""
