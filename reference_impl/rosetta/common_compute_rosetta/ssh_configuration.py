"""How a facility is reached over SSH: its members of a `[[facility]]` table, all their faults told at once.

Secrets are files or environment variables that the table names, never values in it.
"""

from __future__ import annotations

import binascii
import os
import re
import stat
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common_compute_connector.clock import Clock
from common_compute_connector.errors import ConfigurationError
from common_compute_connector.protocol import Enrolments, FacilityConfiguration
from common_compute_rosetta.accounts import Accounts, Machine, OwnAccounts, PlatformAccount
from common_compute_rosetta.configuration import Settings, read_settings
from common_compute_rosetta.keys import PRIVATE_KEY_WANTED, Cabinet, WeakSecret, is_private_key

_OF_SSH = (
    "host",
    "port",
    "host_key",
    "account",
    "key_file",
    "secret_file",
    "secret_environment",
    "allowed_from",
    "check_every_seconds",
)
_DEFAULT_ROOT = ".common-compute"
_HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.:-]*[A-Za-z0-9])?")
_ALLOWED_FROM = re.compile(r"[A-Za-z0-9*?.:/,!-]+")
"""A list of patterns as in authorized_keys(5), without quotes or blanks."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Everything about a facility over SSH: the machine, who logs in there, and what is run how."""

    machine: Machine
    accounts: Accounts
    settings: Settings


def read_reach(
    configuration: FacilityConfiguration,
    enrolments: Enrolments,
    clock: Clock,
    environment: Mapping[str, str] = os.environ,
) -> Reach:
    """Read one `[[facility]]` table of the connector `ssh`.

    Raises:
        ConfigurationError: with a sentence for each fault.
    """
    given = dict(configuration.settings)
    mine = {name: given.pop(name) for name in _OF_SSH if name in given}
    given.setdefault("root", _DEFAULT_ROOT)
    given.setdefault("description", f"Jobs run at {mine.get('host')}, which is reached over SSH.")
    reading = _Reading(configuration.id, mine, environment)
    faults = reading.faults
    machine = reading.machine()
    accounts = reading.accounts(machine, enrolments, clock)
    settings = None
    try:
        rest = FacilityConfiguration(configuration.id, configuration.connector, given)
        settings = read_settings(rest, below_home=True)
    except ConfigurationError as error:
        faults += error.faults
    if faults or settings is None or accounts is None:
        raise ConfigurationError(faults)
    return Reach(machine, accounts, settings)


class _Reading:
    def __init__(self, facility_id: str, given: Mapping[str, Any], environment: Mapping[str, str]) -> None:
        self.faults: list[str] = []
        self._id = facility_id
        self._given = given
        self._environment = environment

    def machine(self) -> Machine:
        host = self._text("host", _HOST_NAME, "the name or address of the machine to log in at")
        port = self._given.get("port", 22)
        if not isinstance(port, int) or isinstance(port, bool) or not 0 < port < 65536:
            self._fault("port", "a port between 1 and 65535")
        host_key = self._given.get("host_key")
        if not _is_public_key(host_key):
            self._fault(
                "host_key",
                'its host key, such as "ssh-ed25519 AAAA...": `ssh-keyscan -t ed25519 HOST` prints what it '
                "shows, and its administrator can tell whether that is right",
            )
        allowed_from = None
        if "allowed_from" in self._given:
            allowed_from = self._text("allowed_from", _ALLOWED_FROM, "addresses as in authorized_keys(5)")
        return Machine(host, port, str(host_key), allowed_from)

    def accounts(self, machine: Machine, enrolments: Enrolments, clock: Clock) -> Accounts | None:
        own = [name for name in ("secret_file", "secret_environment") if name in self._given]
        platform = [name for name in ("account", "key_file") if name in self._given]
        if bool(own) == bool(platform) or len(own) > 1 or len(platform) == 1:
            self.faults.append(
                f"facility {self._id!r}: say as whom jobs run: either `secret_file` or `secret_environment`, "
                "with which callers' own keys are kept, or `account` and `key_file` of one account for all"
            )
            return None
        if platform:
            account = self._text("account", re.compile(r"[A-Za-z_][A-Za-z0-9_.@-]{0,63}"), "an account there")
            private_key = self._secret("key_file")
            if private_key and not is_private_key(private_key):
                self._fault("key_file", f"the path of {PRIVATE_KEY_WANTED}")
            return PlatformAccount(self._id, machine, account, private_key)
        every = self._given.get("check_every_seconds", 10)
        if not isinstance(every, (int, float)) or isinstance(every, bool) or every < 1:
            self._fault("check_every_seconds", "a number of seconds, at least 1")
            every = 10
        try:
            cabinet = Cabinet(self._secret(own[0]).split())
        except WeakSecret as error:
            self._fault(own[0], f"for what `openssl rand -base64 32` prints ({error})")
            return None
        return OwnAccounts(self._id, machine, cabinet, enrolments, clock, every)

    def _secret(self, name: str) -> str:
        """Read a secret; what is wrong with it is told without a word of it."""
        where = self._given[name]
        if name == "secret_environment":
            if isinstance(where, str) and self._environment.get(where):
                return self._environment[where]
            self._fault(name, "the name of an environment variable that is set")
            return ""
        if not isinstance(where, str) or not where:
            self._fault(name, "the path of a file")
            return ""
        try:
            path = Path(where)
            mode = path.stat().st_mode
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            self.faults.append(f"facility {self._id!r}: {where} cannot be read ({type(error).__name__})")
            return ""
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            self.faults.append(f"facility {self._id!r}: others can read {where}; run: chmod 600 {where}")
        return text

    def _text(self, name: str, form: re.Pattern[str], what: str) -> str:
        value = self._given.get(name)
        if isinstance(value, str) and form.fullmatch(value):
            return value
        self._fault(name, what)
        return ""

    def _fault(self, name: str, what: str) -> None:
        self.faults.append(f"facility {self._id!r}: `{name}` must be {what}")


def _is_public_key(text: Any) -> bool:
    if not isinstance(text, str):
        return False
    kind, _, key = text.partition(" ")
    try:
        blob = b64decode(key, validate=True)
    except (binascii.Error, ValueError):
        return False
    # The blob repeats the kind (RFC 4253, section 6.6): so half a line, or one of two, is noticed.
    return bool(kind) and blob[4 : 4 + len(kind)] == kind.encode() and len(blob) > 4 + len(kind)
