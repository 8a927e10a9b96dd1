"""The control plane's side of the bus: the broker's management interface, what is declared there, its own events."""
