"""The REST API v1.0: a WSGI application over the store's commands and the guests, and a server to run it in."""
