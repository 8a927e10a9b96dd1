import gc

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.broker"]

# How long an example takes says how busy the machine is, and nothing of the code.
settings.register_profile("trove", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("fast", settings.get_profile("trove"), max_examples=25)
settings.load_profile("trove")


def pytest_collection_finish(session: pytest.Session) -> None:
    """What was collected stays until the end: to look through it again and again for garbage is a tenth of the time."""
    gc.freeze()
