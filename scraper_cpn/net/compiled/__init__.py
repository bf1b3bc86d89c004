"""The compiler: a net becomes tables and specialised Python that decides as the interpreter does."""
