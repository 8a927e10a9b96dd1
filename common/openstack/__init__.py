"""OpenStack conventions both sides keep: options, request context, log format, the RPC wire, periodic work."""
