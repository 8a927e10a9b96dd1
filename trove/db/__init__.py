"""The store: schema, migrations, queries. What the API asks for is in ``commands``."""
