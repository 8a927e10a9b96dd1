"""OpenStack conventions that both sides keep: request context, log format, the RPC wire."""
