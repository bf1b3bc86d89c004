"""Virtual time, a synthetic web and failure injection, all from one seed."""
