"""Virtual time, a statistical web and failure injection, all from one seed."""
