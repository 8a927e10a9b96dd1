"""The unchanged ``openstack`` client, loaded once and forked for each command: loading it takes a second or two.

Run as a program it takes commands on standard input, a line of JSON each, ``{"arguments", "environment"}``, and answers
each with a line, ``{"code", "stdout", "stderr"}``.
"""

import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any


class Client:
    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def run(self, arguments: Sequence[str], environment: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
        """As the program ``openstack`` would, in this environment."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None and stdout is not None
        stdin.write(json.dumps({"arguments": arguments, "environment": dict(environment)}) + "\n")
        stdin.flush()
        told = json.loads(stdout.readline())
        return subprocess.CompletedProcess(["openstack", *arguments], told["code"], told["stdout"], told["stderr"])


@contextmanager
def client() -> Iterator[Client]:
    with subprocess.Popen([sys.executable, "-P", __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True) as process:
        yield Client(process)
        assert process.stdin is not None
        process.stdin.close()


def _serve() -> None:
    from openstackclient import shell
    from troveclient.osc import plugin  # noqa: F401 - the first command would load it
    from troveclient.v1 import client  # noqa: F401

    with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
        shell.main(["database", "instance", "list", "--help"])
    for line in sys.stdin:
        order = json.loads(line)
        print(json.dumps(_run(shell.main, order["arguments"], order["environment"])), flush=True)


def _run(main: Any, arguments: list[str], environment: dict[str, str]) -> dict[str, object]:
    with tempfile.TemporaryFile("w+") as said, tempfile.TemporaryFile("w+") as complained:
        child = os.fork()
        if child == 0:
            os.environ.clear()
            os.environ.update(environment)
            os.dup2(said.fileno(), 1)
            os.dup2(complained.fileno(), 2)
            os._exit(_become(main, arguments))
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        for file in (said, complained):
            file.seek(0)
        return {"code": code, "stdout": said.read(), "stderr": complained.read()}


def _become(main: Any, arguments: list[str]) -> int:
    try:
        code = main(arguments)
    except SystemExit as end:
        code = end.code
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return code if isinstance(code, int) else 0 if code is None else 1


if __name__ == "__main__":
    _serve()
