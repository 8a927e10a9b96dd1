"""A process that serves HTTP: ``served store URL KEY_FILE`` the API alone, ``served bytes FILE`` a bare application.

Both run in the same server with the same number of threads. It says its port, and ends with its standard input.
"""

import sys
import threading
from pathlib import Path

import falcon
from cheroot import wsgi

from tests.benchmarks import machinery
from tests.trove import machines
from trove.api import app, server
from trove.api.fake_guests import FakeGuests
from trove.db.commands import Commands
from trove.db.store import open_store

HOST = "127.0.0.1"
THREADS = 10


class Canned:
    """The same bytes for everybody."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def on_get(self, _req: falcon.Request, resp: falcon.Response, **_parts: str) -> None:
        resp.data = self._body


def serve_store(url: str, key_file: Path) -> int:
    store = open_store(url, key_file)
    application = app.create_app(Commands(store), FakeGuests(), machines.desk(store))
    listening = server.Server(application, HOST, 0, threads=THREADS)
    listening.start()
    return listening.port


def serve_bytes(body: bytes) -> int:
    application = falcon.App()
    application.add_route("/v1.0/{project}/instances", Canned(body))
    listening = wsgi.Server((HOST, 0), application, numthreads=THREADS)
    listening.prepare()
    threading.Thread(target=listening.serve, daemon=True).start()
    return int(listening.bind_addr[1])


if __name__ == "__main__":
    what, *words = sys.argv[1:]
    serving = serve_store(words[0], Path(words[1])) if what == "store" else serve_bytes(Path(words[0]).read_bytes())
    machinery.obey(lambda _word: serving)
