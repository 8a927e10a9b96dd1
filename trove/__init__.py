"""The control plane: REST, flows, conductor, providers."""
