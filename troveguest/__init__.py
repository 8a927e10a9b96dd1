"""The guest agent: the program on the machine that carries the database."""

__version__ = "0.1.0"
