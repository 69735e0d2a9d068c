"""What of a Rosetta instance has a counterpart here, as the tables of a configuration. Pure.

Nothing secret is written: keys are named by the files that hold them. What Rosetta does not know, such as
host keys, is left empty, and this service's own reader refuses the file until it is filled in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from common_compute_rosetta.accounts import ACCOUNT
from common_compute_rosetta.runtimes.found import NAMES
from common_compute_rosetta.takeover import left_behind
from common_compute_rosetta.takeover.dump import Computing, Dump
from common_compute_rosetta.takeover.identifiers import identifier
from common_compute_rosetta.takeover.images import images_for
from common_compute_rosetta.takeover.rows import one_line
from common_compute_rosetta.takeover.storages import storage_tables, without_facility
from common_compute_rosetta.takeover.toml_text import Table, write

_SAFE_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9.:-]*")
_LONGEST_SENTENCE = 1000
_MEMORY = re.compile(r"(\d{1,9})([KMGT]?)B?", re.IGNORECASE)
_UNITS = {"K": 1024, "": 1024**2, "M": 1024**2, "G": 1024**3, "T": 1024**4}
"""sbatch(1), --mem: without a suffix it is megabytes."""


@dataclass(frozen=True, slots=True)
class Account:
    """What a user gives `put_credential` of a facility: the account there that they had in Rosetta."""

    user: str
    facility_id: str
    account: str


@dataclass(slots=True)
class TakenOver:
    """The configuration's tables, the ids of its facilities, the users' accounts, and what is left behind."""

    tables: list[Table] = field(default_factory=list)
    facilities: list[str] = field(default_factory=list)
    accounts: list[Account] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The text of the configuration file."""
        return write(self.tables, _HEAD)


_HEAD = (
    "What a Rosetta instance knew, as a configuration of Common Compute. What is empty has to be filled in:",
    "`common-compute config check` names it, and nothing is served before. Then `common-compute facility",
    "probe` shows what is found there.",
)


def take_over(dump: Dump) -> TakenOver:
    """Make a configuration out of a dump."""
    taken = TakenOver()
    ids: dict[str, str] = {}
    facilities: list[Table] = []
    for computing in dump.computings:
        reason = _why_not(computing)
        if reason is not None:
            taken.left.append(f'Computing resource "{computing.name}": {reason}')
            continue
        facility_id = ids[computing.uuid] = identifier(computing.name, taken.facilities, "facility")
        taken.facilities.append(facility_id)
        facilities += _Facility(computing, facility_id, dump, taken.left).tables()
    taken.tables = [*_of_service(), *facilities]
    taken.accounts = list(_accounts(dump, ids, taken.left))
    taken.left += without_facility(dump.storages, ids)
    taken.left += left_behind.sentences(dump, ids)
    taken.left = [one_line(words, _LONGEST_SENTENCE) for words in taken.left]
    return taken


def _of_service() -> list[Table]:
    service = Table("[service]")
    service.add(
        "id", "", "Fill in: the name of this service, a domain's turned round, such as org.example.compute."
    )
    access = Table("[access]")
    access.add("kind", "bearer")
    access.add(
        "tokens_file",
        "",
        "Fill in: the file of the callers' tokens, a line `TOKEN NAME` for each. Or write in its place an",
        "[[access.issuer]] table, for the identity provider that Rosetta's users log in with.",
    )
    return [service, access]


def _why_not(computing: Computing) -> str | None:
    """Say why a computing resource has no counterpart, if it has none."""
    words = ", ".join((computing.type, computing.access_mode, computing.auth_mode, computing.wms or "no wms"))
    if computing.access_mode == computing.auth_mode == "internal":
        known = computing.wms is None and computing.type == "standalone"
    else:
        known = computing.access_mode == "ssh+cli" and computing.auth_mode in ("user_keys", "platform_keys")
        known = known and (computing.type, computing.wms) in (("standalone", None), ("cluster", "slurm"))
    if not known:
        return f"not taken over, there is no connector for it ({words})."
    if computing.owner is not None and computing.auth_mode != "user_keys":
        return (
            f"not taken over, it is for the {computing.owner} alone, and here every caller could run jobs in "
            "its one account: serve it by a service of its own."
        )
    return None


def _accounts(dump: Dump, ids: Mapping[str, str], left: list[str]) -> Iterator[Account]:
    """Give the accounts that callers can name, and tell the others."""
    own = [each.uuid for each in dump.computings if each.auth_mode == "user_keys"]
    for each in dump.accounts:
        what = f'Account "{one_line(each.account)}" of user {each.user}'
        if each.computing not in ids:
            left.append(f"{what}: its computing resource was not taken over, or is not in the dump.")
        elif each.computing not in own:
            left.append(f"{what} at {ids[each.computing]}: jobs run there in one account for all.")
        elif not ACCOUNT.fullmatch(each.account):
            left.append(f"{what} at {ids[each.computing]}: there can be no account of this name.")
        else:
            yield Account(each.user, ids[each.computing], each.account)


class _Facility:
    """The tables of one facility."""

    def __init__(self, computing: Computing, facility_id: str, dump: Dump, left: list[str]) -> None:
        self._computing = computing
        self._id = facility_id
        self._dump = dump
        self._left = left

    def tables(self) -> list[Table]:
        """Give them, `[[facility]]` first."""
        computing = self._computing
        table = Table(
            "[[facility]]", comment=[f'Rosetta\'s computing resource "{computing.name}", {computing.uuid}.']
        )
        table.add("id", self._id)
        table.add("connector", "ssh")
        table.add("name", computing.name)
        table.add("description", computing.description or f"{computing.name}, which was Rosetta's before.")
        self._reach(table)
        tables = [table]
        if computing.wms == "slurm":
            self._memory(table)
            tables.append(Table("[facility.slurm]"))
        storages = storage_tables(computing, self._id, self._dump.storages, self._left)
        return [*tables, *self._containers(), *storages]

    def _reach(self, table: Table) -> None:
        conf = self._computing.conf
        if self._computing.auth_mode == "internal":
            table.add(
                "host",
                "127.0.0.1",
                "Rosetta ran docker as root on its own machine. Here jobs run in one account there, which is",
                "reached through the machine's sshd: write another host if this service runs elsewhere.",
            )
            host, port = "127.0.0.1", 22
        else:
            host, port = self._text("host", conf.get("host")), self._port(conf.get("port"))
            table.add("host", host, *([] if host else ["Fill in: the dump has no host to log in at."]))
        if port != 22:
            table.add("port", port)
        shown = host if _SAFE_HOST.fullmatch(host) else "HOST"
        table.add(
            "host_key",
            "",
            "Fill in: Rosetta never looked at host keys. It stands behind the name in the line that this",
            "prints (ssh-ed25519 AAAA...); the administrator there can tell whether it is right:",
            f"    ssh-keyscan -t ed25519{'' if port == 22 else f' -p {port}'} {shown}",
        )
        if self._computing.auth_mode == "user_keys":
            table.add(
                "secret_file",
                "",
                "Fill in: the file of the secret that callers' keys are kept with, as this makes one:",
                "    (umask 077; openssl rand -base64 32 > /etc/common-compute/secret)",
            )
        else:
            self._platform_account(table)

    def _platform_account(self, table: Table) -> None:
        if self._computing.auth_mode == "internal":
            account, key_file = "", ""
        else:
            account = self._text("user", self._computing.conf.get("user"))
            key_file = self._platform_key()
        table.add("account", account, *([] if account else ["Fill in: the account in which all jobs run."]))
        table.add(
            "key_file",
            key_file,
            "The private key that opens it: ed25519, and this service alone can read it."
            + (" This is its path in Rosetta," if key_file else " Fill in its path."),
            *(
                ["whose own keys are mostly RSA: then make another, and let its public key in there."]
                * bool(key_file)
            ),
        )

    def _platform_key(self) -> str:
        pairs = [pair for pair in self._dump.key_pairs if pair.user is None and pair.default]
        return pairs[0].private_key_file if len(pairs) == 1 else ""

    def _text(self, name: str, value: Any) -> str:
        if value is None or isinstance(value, str):
            return (value or "").encode("utf-8", "replace").decode()
        self._leave(f"`{name}` of its conf is no text; it is left empty.")
        return ""

    def _port(self, value: Any) -> int:
        text = str(value) if isinstance(value, (int, str)) and not isinstance(value, bool) else ""
        if value in (None, ""):
            return 22
        if re.fullmatch(r"[0-9]{1,5}", text) and 0 < int(text) < 65536:
            return int(text)
        self._leave("`port` of its conf is no port; 22 is written.")
        return 22

    def _memory(self, table: Table) -> None:
        value = self._computing.conf.get("default_memory")
        if value in (None, ""):
            return
        found = _MEMORY.fullmatch(str(value).strip())
        if found is None or not int(found[1]):
            self._leave(
                f'`default_memory` of its conf, "{one_line(str(value), 40)}", is no size of Slurm\'s.'
            )
            return
        table.add("default_memory_bytes", int(found[1]) * _UNITS[found[2].upper()])

    def _containers(self) -> list[Table]:
        names: list[str] = []
        for engine in self._computing.engines:
            # Hosts have Apptainer by now where Rosetta's administrators wrote the name that it had.
            for name in ("apptainer", "singularity") if engine == "singularity" else (engine,):
                if name in NAMES and name not in names:
                    names.append(name)
            if engine not in NAMES:
                self._leave(f'its container engine "{engine}" is none that can be used here.')
        if not names:
            self._leave("it has no container engine that can be used here, so it runs no containers.")
            return []
        table = Table("[facility.containers]")
        table.add("runtimes", names)
        if images := images_for(self._computing, self._dump.containers):
            table.add("catalogue", images)
        return [table]

    def _leave(self, words: str) -> None:
        self._left.append(f'Computing resource "{self._computing.name}" ({self._id}): {words}')
