"""The bodies of requests, by noun. Unknown members are ignored where upstream's schema permits them."""
