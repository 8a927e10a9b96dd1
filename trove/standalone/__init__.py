"""The whole control plane in one process on one machine, with a broker of its own."""
