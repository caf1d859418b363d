"""As whom PostgreSQL runs when this process is root, which PostgreSQL itself refuses to be.

1. In a user namespace of its own in which root looks like an ordinary user: no system user is made, and the data stays ours.
2. Where namespaces are forbidden (many containers): as an existing ordinary user who owns the database's folder and may pass
   through root's folders on the way there, but has none of root's other powers.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

CANDIDATES = ("postgres", "nobody")
NAMESAKES = ("postgres", "daemon", "nobody")


@dataclass(frozen=True, slots=True)
class Ordinary:
    """What goes before a program's command line, and who then owns its files."""

    prefix: tuple[str, ...]
    uid: int
    gid: int
    description: str

    def own(self, folder: Path) -> None:
        """Hands a folder with all in it over to this user, when it belongs to another."""
        if folder.stat().st_uid == self.uid:
            return
        for path in (folder, *folder.rglob("*")):
            os.lchown(path, self.uid, self.gid)


def in_namespace() -> Ordinary | None:
    """Running in a user namespace under the number of a user that exists: initdb looks its own name up."""
    numbers = {user.pw_name: user.pw_uid for user in pwd.getpwall()}
    number = next((numbers[name] for name in NAMESAKES if numbers.get(name)), None)
    if number is None:
        return None
    prefix = ("unshare", "--user", f"--map-user={number}", "--")
    return Ordinary(prefix, 0, 0, "root without root's powers (a user namespace)")


def as_user(name: str) -> Ordinary | None:
    """Running as an existing user with the single right to pass through folders that are not his."""
    try:
        user = pwd.getpwnam(name)
    except KeyError:
        return None
    # Without the last one access(2) would forget the right, and PostgreSQL's programs ask it whether they find each other.
    right = ("--inh-caps=+dac_override", "--ambient-caps=+dac_override", "--securebits=+no_setuid_fixup")
    prefix = ("setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", *right, "--")
    return Ordinary(prefix, user.pw_uid, user.pw_gid, f"the user {name}")


def works(ordinary: Ordinary) -> bool:
    """Whether a program can be run that way here, and its user has a name."""
    if shutil.which(ordinary.prefix[0]) is None:
        return False
    return subprocess.run([*ordinary.prefix, "id", "-un"], capture_output=True, check=False).returncode == 0


@lru_cache
def find_ordinary() -> Ordinary | None:
    """How to run a program that refuses root; None when this machine offers no way."""
    if (uid := os.geteuid()) != 0:
        return Ordinary((), uid, os.getegid(), "yourself")
    ways = [in_namespace(), *map(as_user, CANDIDATES)]
    return next((way for way in ways if way is not None and works(way)), None)
