"""Rules without I/O: what may be asked for, what it costs, how long it may take."""
