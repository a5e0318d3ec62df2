"""Wire protocols: bytes to values and back, without I/O, clocks or threads."""
