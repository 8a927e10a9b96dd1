"""Draws ``docs/reference/policy-matrix.md`` from what each kind of person is answered: ``policy_matrix.py``.

A test fails when the page is not the present one.
"""

import sys
import tempfile
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(CHECKOUT))

from tests.trove.api import matrix  # noqa: E402
from tests.trove.api.world import make_store  # noqa: E402

PAGE = CHECKOUT / "docs" / "reference" / "policy-matrix.md"


def main() -> int:
    with tempfile.TemporaryDirectory() as directory:
        store = make_store(Path(directory))
        PAGE.write_text(matrix.text(list(matrix.ask(store))))
        store.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
