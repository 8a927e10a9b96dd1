"""The resources of REST, by noun."""
