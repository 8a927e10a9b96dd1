"""What ``/metrics`` shows: declared in ``declared``, counted and read in ``figures``."""
