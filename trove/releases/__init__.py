"""Releases of the agent: what instances run from, and never the checkout.

::

    <release>/
      bin/trove-guestagent    starts with the system's interpreter, without its site-packages
      lib/                    troveguest, common and the libraries they need, for one engine or all
      manifest.json           versions, the target, licences, SHA-256 of every file, and one over them all

``building`` makes one, ``archive`` puts it into one file, ``installing`` puts either where instances run from it,
``machine`` makes what is around that; ``receiving`` is the host's part of a delivery, ``onefile`` what the file can,
``pruning`` tells what nobody needs any more. ``shelf`` has those of an installation.
"""
