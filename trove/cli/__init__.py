"""``trovectl``: an installation on this machine, as its operator sees it."""
