"""The guarantees G1 to G8 and G10 of whole crawls, in virtual time."""
