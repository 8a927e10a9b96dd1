"""``python -m trove.standalone``: what ``trovectl up`` starts."""

import sys

from . import service

sys.exit(service.main())
