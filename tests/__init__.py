"""The tests, by room of the house and by kind."""
