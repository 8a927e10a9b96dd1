"""``python -m trove.standalone``: what ``trovectl up`` starts."""

import os
import sys

from . import service

code = service.main()
sys.stdout.flush()
sys.stderr.flush()
os._exit(code)  # the interpreter would wait for steps that hang; they are done again at the next start anyway
