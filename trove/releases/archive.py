"""A release as one file that unpacks itself: a shell's few lines, a zip archive, and the SHA-256 of both.

The first lines hash the whole file and refuse a damaged one before anything in it is looked at. What they start is
``onefile``, from the archive. The same release is the same file, byte for byte.
"""

import hashlib
import zipfile
from pathlib import Path

from common.releases import MANIFEST, verify
from trove import releases

from . import building, installing, machine, onefile, pruning
from .sources import Sources

_HEAD = '''\
#!/bin/sh
# The guest agent of Trove in one file. sh FILE --help
[ -x %(python)s ] || { echo "There is no %(python)s here. Install it:" \
"apt-get install --no-install-recommends python3" >&2; exit 1; }
exec %(python)s -IS -c '
import hashlib, sys
name = sys.argv[1]
with open(name, "rb") as file:
    whole = file.read()
if hashlib.sha256(whole[:-64]).hexdigest().encode() != whole[-64:]:
    sys.exit(name + " is damaged: it is not as it was built. Copy it here again.")
del whole
sys.path[:0] = [name + "/installer", name + "/%(release)s/lib"]
from %(package)s import onefile
sys.exit(onefile.main(name, sys.argv[2:]))
' "$0" "$@"
'''
_PACKAGE = "agent_installer"
"""What those of this package's modules that travel are called in the file, where there is no control plane."""
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The first moment that a zip archive can tell."""
_REGULAR = 0o100644 << 16


def write(release: Path, file: Path, sources: Sources) -> str:
    """Makes ``file`` of a verified release, with what ``selftest`` needs from the sources that it was built of.

    Its SHA-256 as ``sha256sum`` prints it. Raises Invalid.
    """
    manifest = verify(release)
    head = _HEAD % {"python": installing.INTERPRETER, "release": installing.RELEASE, "package": _PACKAGE}
    aside = file.with_name(f".{file.name}.new")
    try:
        aside.write_bytes(head.encode())
        with zipfile.ZipFile(aside, "a", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            for module in (releases, installing, pruning, machine, onefile):
                source = Path(str(module.__file__))
                _add(archive, f"installer/{_PACKAGE}/{source.name}", source)
            for name in sorted((MANIFEST, *manifest.files)):
                _add(archive, f"{installing.RELEASE}/{name}", release / name)
            for name, source in building.kit(sources).items():
                _add(archive, f"{installing.KIT}/{name}", source)
            archive.comment = b"0" * 64
        whole = aside.read_bytes()[:-64]
        aside.write_bytes(whole + hashlib.sha256(whole).hexdigest().encode())
        aside.chmod(0o755)
        aside.rename(file)
    finally:
        aside.unlink(missing_ok=True)
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _add(archive: zipfile.ZipFile, name: str, source: Path) -> None:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.create_system, entry.external_attr = 3, _REGULAR
    entry.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(entry, source.read_bytes(), compresslevel=9)
