"""A Keystone of its own, made and served by one process in the environment that has it: ``keystone_service.py DIRECTORY
PORT PASSWORD``.

Everything it keeps is below DIRECTORY. Keystone's libraries take seconds to load: they are loaded once, and each
command of ``keystone-manage`` runs in a fork.
"""

import os
import sys
import warnings
from pathlib import Path

warnings.simplefilter("ignore")

from cheroot import wsgi as server  # noqa: E402
from keystone.cmd import manage  # noqa: E402
from keystone.server import wsgi  # noqa: E402

CONFIGURATION = """\
[DEFAULT]
log_file = {directory}/keystone.log
[database]
connection = sqlite:///{directory}/keystone.db
[fernet_tokens]
key_repository = {directory}/tokens
[fernet_receipts]
key_repository = {directory}/tokens
[credential]
key_repository = {directory}/credentials
[cache]
enabled = false
[identity]
password_hash_rounds = 4
"""


def main(directory: Path, port: int, password: str) -> None:
    file = directory / "keystone.conf"
    file.write_text(CONFIGURATION.format(directory=directory))
    for keys in ("tokens", "credentials"):
        (directory / keys).mkdir(mode=0o700)
    account = ("--keystone-user", str(os.getuid()), "--keystone-group", str(os.getgid()))
    for command in (("db_sync",), ("fernet_setup", *account), ("credential_setup", *account),
                    ("bootstrap", "--bootstrap-password", password, "--bootstrap-region-id", "here",
                     *(word for interface in ("public", "internal")
                       for word in (f"--bootstrap-{interface}-url", f"http://127.0.0.1:{port}/v3")))):
        _in_a_fork("keystone-manage", "--config-file", str(file), *command)
    sys.argv = ["keystone"]
    os.environ["OS_KEYSTONE_CONFIG_FILES"] = str(file)
    server.Server(("127.0.0.1", port), wsgi.initialize_public_application(), numthreads=4).start()


def _in_a_fork(*words: str) -> None:
    """Raises SystemExit when the command fails."""
    child = os.fork()
    if child == 0:
        sys.argv = list(words)
        manage.main()
        sys.stdout.flush()
        os._exit(0)
    if (code := os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])) != 0:
        sys.exit(f"{' '.join(words)}: exit {code}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
