"""A real Asterisk and a far end (SIPp) on loopback and ports of its own, from nothing to ready in about two seconds, gone without a trace.

    with Rig(folder) as rig:
        carrier = rig.carrier()
        carrier.connect()

Asterisk runs with the very files `callcenter telephony render` writes, in a private mount namespace over the root that
`scripts/asterisk-root` made (or straight, where the machine has its own Asterisk). Its processes die with the thread that started them, so
start a rig from the main thread.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

from callcenter.core.clock import Clock, SystemClock
from dialer.telephony.asterisk.carrier import AsteriskCarrier
from dialer.telephony.asterisk.link import AmiSettings
from dialer.telephony.asterisk.orders import AsteriskSettings
from dialer.telephony.asterisk.render import AsteriskPlan, FoldersPlan, PhonePlan, TrunkPlan, write
from tests.lines import whole_lines
from tests.telephony.captures import write_sound
from tests.telephony.ports import Slot, free_tcp_ports, is_held_by
from tests.telephony.sipp import write_scenario

CALLER_ID = "+81312345678"
PHONES = ("op-1", "op-2", "op-3", "op-4", "op-away", "op-short")
_SECRET = "rig-secret"
_SCRIPT = Path(__file__).parents[2] / "scripts" / "asterisk-root"
_START_SECONDS = 60.0
_PATIENCE = {"answer_seconds": 30.0, "boot_seconds": 60.0}  # a busy machine is no Asterisk that hangs
_DIES_WITH_US = ("setpriv", "--pdeathsig", "KILL")
_INTO_ROOT = """
set -e
root=$1 rig=$2
mount --rbind /proc "$root/proc"
mount --rbind /dev "$root/dev"
mount --bind "$rig" "$root/mnt"
exec chroot "$root" asterisk -C /mnt/etc/asterisk.conf -f -q
"""


class RigMissing(Exception):
    """Something the rig needs is not on this machine; the message says what and how to get it."""


def asterisk_root() -> Path:
    """Where the Asterisk for tests is; "/" for the machine's own. Raises RigMissing."""
    for program in ("sipp", "unshare", "setpriv"):
        if shutil.which(program) is None:
            raise RigMissing(f"{program} is missing: apt-get install sip-tester util-linux")
    found = subprocess.run([_SCRIPT, "--where"], capture_output=True, text=True, check=False)
    if found.returncode:
        raise RigMissing(f"no Asterisk for tests: {found.stderr.strip()}")
    root = Path(found.stdout.strip())
    if root != Path("/") and os.geteuid() != 0:
        raise RigMissing("the Asterisk in its own root can only be started by root")
    return root


class Rig:
    """See the module.

    Attributes:
        folder: everything the rig writes; Asterisk's log is `asterisk/log/messages.log`, SIPp's `far_end.log`.
        ami: where the manager interface is.
        far_port: where another far end than SIPp listens, for tests that hear what the debtor hears.
        sip_port: where Asterisk takes SIP.
        ws_port: SIP over WebSocket for browser phones (`/ws`).
    """

    def __init__(self, folder: Path, *, extra_phones: tuple[PhonePlan, ...] = (), wait_seconds: int = 6, far_port: int = 0) -> None:
        self.root = asterisk_root()
        self.folder = folder
        self.home = folder / "asterisk"
        self._inside = "/mnt" if self.root != Path("/") else str(self.home)
        self._slot = Slot()
        self._extra_phones = extra_phones
        self._wait_seconds = wait_seconds
        self._own_far_port = far_port
        self._asterisk: subprocess.Popen[bytes] | None = None
        self._far_end: subprocess.Popen[bytes] | None = None
        self._choose_ports()

    def __enter__(self) -> Rig:
        for is_last in (False, False, True):
            try:
                self._prepare()
                if not self._own_far_port:
                    self.start_far_end()
                self.start_asterisk()
            except RuntimeError:  # a port that was free a moment ago is not any more
                if is_last:
                    self.close()
                    raise
                self._end_processes()
                self._choose_ports()
            except BaseException:
                self.close()
                raise
            else:
                break
        return self

    def _choose_ports(self) -> None:
        self.sip_port, far_port = self.free_ports(2)
        self._far_port = self._own_far_port or far_port
        self.ami_port, self.ws_port = free_tcp_ports(2)
        self.ami = AmiSettings("127.0.0.1", self.ami_port, "callcenter", _SECRET, keepalive_seconds=1.0, **_PATIENCE)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def carrier(self, clock: Clock | None = None, *, detect_machines: bool = False, ami: AmiSettings | None = None) -> AsteriskCarrier:
        """A carrier of this rig, not connected yet; the caller closes it."""
        settings = AsteriskSettings(ami or self.ami, trunk="carrier", sound_folder=self.sound_folder, detect_machines=detect_machines)
        return AsteriskCarrier(settings, clock or SystemClock())

    @property
    def sound_folder(self) -> str:
        """Where sounds are, as Asterisk sees it."""
        return f"{self._inside}/sounds"

    @property
    def spool(self) -> Path:
        """Where calls are recorded to, seen from outside."""
        return self.home / "recordings"

    @property
    def tells_sip_status(self) -> bool:
        """Whether this Asterisk's Hangup carries the SIP status: 22 does, 20.6 of Ubuntu 24.04 does not."""
        command = ["asterisk", "-V"] if self.root == Path("/") else ["chroot", str(self.root), "asterisk", "-V"]
        version = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return int(version.split()[1].split(".")[0]) >= 22

    @property
    def media_ports(self) -> tuple[int, int]:
        """The first and the last port from which this Asterisk, and no other, sends media."""
        return self._slot.media

    @property
    def far_media_ports(self) -> range:
        """Where SIPp says that it listens; RTP has the even ports."""
        return range(self._slot.far_media, self._slot.far_media + 10_000, 2)

    def plan(self) -> AsteriskPlan:
        """What the configuration is rendered from."""
        data = self.root / "usr/share/asterisk"
        modules = next(path for path in self._module_folders() if path.is_dir())
        inside = self._inside
        return AsteriskPlan(
            trunk=TrunkPlan("carrier", "127.0.0.1", self._far_port, qualify_seconds=0),
            ami_secret=_SECRET,
            ami_port=self.ami_port,
            sip_bind=f"127.0.0.1:{self.sip_port}",
            http_port=self.ws_port,
            rtp_first=self.media_ports[0],
            rtp_last=self.media_ports[1],
            phones=tuple(PhonePlan(name, contact=f"sip:{name}@127.0.0.1:{self._far_port}") for name in PHONES) + self._extra_phones,
            recording_spool=f"{inside}/recordings",
            wait_seconds=self._wait_seconds,
            sounds=f"{inside}/sounds",
            folders=FoldersPlan(
                etc=f"{inside}/etc",
                modules=f"/{modules.relative_to(self.root)}",
                data=f"/{data.relative_to(self.root)}" if data.is_dir() else "/var/lib/asterisk",
                state=f"{inside}/state",
                log=f"{inside}/log",
            ),
        )

    def free_ports(self, count: int) -> list[int]:
        """Ports for SIP over UDP that nobody has."""
        return self._slot.free_udp_ports(count)

    def start_asterisk(self) -> None:
        """Starts Asterisk and waits until it has its ports."""
        if self.root == Path("/"):
            command = ["asterisk", "-C", f"{self.home}/etc/asterisk.conf", "-f", "-q"]
        else:
            command = ["unshare", "-m", "bash", "-c", _INTO_ROOT, "rig", str(self.root), str(self.home)]
        with (self.folder / "asterisk.out").open("ab") as out:
            self._asterisk = subprocess.Popen([*_DIES_WITH_US, *command], stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        ports = {"udp": (self.sip_port,), "tcp": (self.ami_port, self.ws_port)}
        until_held(ports, self._asterisk, "Asterisk", self.folder / "asterisk.out")

    def kill_asterisk(self) -> None:
        """`kill -9`, as a crash would be."""
        if self._asterisk is not None:
            self._asterisk.kill()
            self._asterisk.wait()
            self._asterisk = None

    def freeze_asterisk(self, *, is_frozen: bool) -> None:
        """Stops the process without ending it, or lets it go on: a machine that hangs."""
        assert self._asterisk is not None
        self._asterisk.send_signal(19 if is_frozen else 18)

    def freeze_far_end(self, *, is_frozen: bool) -> None:
        """Every called party stops doing anything, or goes on."""
        assert self._far_end is not None
        self._far_end.send_signal(19 if is_frozen else 18)

    @property
    def far_port(self) -> int:
        """Where the far end's SIP is."""
        return self._far_port

    def start_far_end(self) -> None:
        """Starts SIPp and waits until it has its ports, that for media being the last it takes."""
        media = self._slot.far_media  # [auto_media_port] of the scenario counts up from here, modulo 10,000
        command = ["sipp", "-sf", str(self.folder / "far_end.xml"), "-i", "127.0.0.1", "-p", str(self._far_port)]
        command += ["-mi", "127.0.0.1", "-mp", str(media)]
        command += ["-nostdin", "-trace_logs", "-log_file", str(self.folder / "far_end.log"), "-l", "5000"]
        command += ["-trace_err", "-error_file", str(self.folder / "far_end.err")]
        with (self.folder / "far_end.out").open("ab") as out:
            self._far_end = subprocess.Popen([*_DIES_WITH_US, *command], stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=self.folder)
        until_held({"udp": (self._far_port, media, media + 2)}, self._far_end, "SIPp", self.folder / "far_end.out")

    def far_end(self) -> dict[str, list[str]]:
        """What SIPp did: number in E.164 (or name of the phone) -> its words in order."""
        done: defaultdict[str, list[str]] = defaultdict(list)
        for line in whole_lines(self.folder / "far_end.log"):
            party, _, words = line.partition(" ")
            done["+81" + party[1:] if party.startswith("0") else party].append(words)
        return dict(done)

    def wait_far_end(self, party: str, words: str, seconds: float = 60.0) -> list[str]:
        """Waits until SIPp has written `words` for `party`; returns all its words."""
        deadline = time.monotonic() + seconds
        while words not in (found := self.far_end().get(party, [])):
            if time.monotonic() > deadline:
                raise AssertionError(f"the far end never wrote {words!r}, only {found}")
            time.sleep(0.02)
        return found

    def close(self) -> None:
        """Ends everything."""
        self._end_processes()
        self._slot.close()

    def _end_processes(self) -> None:
        for process in (self._far_end, self._asterisk):
            if process is not None:
                process.kill()
                process.wait()
        self._far_end = self._asterisk = None

    def _prepare(self) -> None:
        for name in ("etc", "state/spool", "state/keys", "log", "sounds", "recordings"):
            (self.home / name).mkdir(parents=True, exist_ok=True)
        write(self.plan(), self.home / "etc")
        write_scenario(self.folder)
        write_sound(self.home / "sounds/prompt.wav", 1.2)
        write_sound(self.home / "sounds/thanks.wav", 0.3)

    def _module_folders(self) -> list[Path]:
        return [*self.root.glob("usr/lib/*/asterisk/modules"), self.root / "usr/lib/asterisk/modules"]


def until_held(ports: Mapping[str, Sequence[int]], process: subprocess.Popen[bytes], what: str, log: Path) -> None:
    """Waits until the process itself has all of these ports: somebody else's socket on one of them is no sign of life."""
    deadline = time.monotonic() + _START_SECONDS
    while not all(is_held_by(process.pid, kind, port) for kind, numbers in ports.items() for port in numbers):
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{what} did not start:\n{log.read_text(errors='replace')[:2000]}")
        time.sleep(0.02)
