"""The guest agent: the program on the machine that carries the database."""
