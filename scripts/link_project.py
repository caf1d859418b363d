"""Makes the checkout importable in its own environment and puts the `callcenter` program there; needs no build back end."""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path

root = Path(__file__).resolve().parent.parent
Path(sysconfig.get_path("purelib"), "callcenter-checkout.pth").write_text(f"{root}\n")
program = Path(sys.prefix, "bin", "callcenter")
program.write_text(f"#!{sys.executable}\nfrom callcenter.cli import main\n\nmain()\n")
program.chmod(0o755)
