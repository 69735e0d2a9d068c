"""As whom DIRAC is asked: the credentials of a `[[facility]]` table, and the rule that approves subjects."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from common_compute_dirac.setting_values import Reading

MEMBERS = ("delegation", "certificate", "key", "proxy", "subject", "subject_rule", "subjects", "groups")
_CALLER = "{caller}"
_PLAIN_CALLER = re.compile(r"[A-Za-z0-9_.@ +-]{1,128}")
_SUBJECT = re.compile(r"(/[A-Za-z0-9.]+=[^/\x00-\x1f\x7f=]+)+")


@dataclass(frozen=True, slots=True)
class Delegation:
    """How callers become DIRAC's users.

    `kind` is the contract's word, `on_behalf`, `user` or `service`. `host` is the certificate and key of a
    TrustedHost, `proxy` a file with the one proxy for all. `subject` is whom a TrustedHost acts for where
    all callers are one; `subject_rule` and `subjects` say which subject a caller may have.
    """

    kind: str
    host: tuple[Path, Path] | None = None
    proxy: Path | None = None
    subject: str = ""
    subject_rule: str = ""
    subjects: Mapping[str, str] | None = None
    groups: tuple[str, ...] = ()

    def subject_of(self, owner: str) -> str | None:
        """Give the subject that a caller may have; None if there is none for them."""
        if self.subjects is not None and owner in self.subjects:
            return self.subjects[owner]
        # A caller's name that could add a part to the subject would make somebody else of them.
        if self.subject_rule and _PLAIN_CALLER.fullmatch(owner):
            return self.subject_rule.replace(_CALLER, owner)
        return None


def read_delegation(reading: Reading, group: str) -> Delegation:
    """Read the members of the table that say so; each fault becomes a sentence."""
    kind = reading.table.get("delegation", "on_behalf")
    if kind not in ("on_behalf", "user", "service"):
        reading.fault("delegation", "`on_behalf`, `user` or `service`")
    given = {name for name in MEMBERS if name in reading.table}
    host = proxy = None
    if kind == "service" and "proxy" in given:
        proxy = reading.secret_file("proxy", "a file with a proxy")
        wrong = given & {"certificate", "key", "subject", "subject_rule", "subjects", "groups"}
    else:
        host = (
            reading.file("certificate", "a certificate of a host that DIRAC has as a TrustedHost"),
            reading.secret_file("key", "that certificate's key"),
        )
        wrong = given & (
            {"subject_rule", "subjects", "groups"} if kind == "service" else {"proxy", "subject"}
        )
    for name in sorted(wrong):
        reading.faults.append(f"{reading.where}: `{name}` means nothing here: remove it")
    subject = ""
    if kind == "service" and proxy is None:
        subject = _subject(reading, "subject", reading.table.get("subject"))
    rule, subjects = "", None
    if kind != "service":
        rule, subjects = _rule(reading)
    groups = reading.words("groups")
    return Delegation(str(kind), host, proxy, subject, rule, subjects, tuple(dict.fromkeys((group, *groups))))


def _rule(reading: Reading) -> tuple[str, Mapping[str, str] | None]:
    rule = reading.table.get("subject_rule", "")
    if (
        not isinstance(rule, str)
        or (rule and rule.count(_CALLER) != 1)
        or (rule and not rule.startswith("/"))
    ):
        reading.fault("subject_rule", f"a subject with {_CALLER} in the place of a caller's name")
        rule = ""
    subjects = reading.table.get("subjects")
    if subjects is not None and not isinstance(subjects, Mapping):
        reading.fault("subjects", "a table [facility.subjects] of callers and their subjects")
        subjects = None
    if not rule and subjects is None and "subject_rule" not in reading.table:
        reading.faults.append(
            f"{reading.where}: say which subject a caller may have: `subject_rule`, or [facility.subjects]"
        )
    named = {
        str(caller): _subject(reading, f"subjects.{caller}", subject)
        for caller, subject in (subjects or {}).items()
    }
    return rule, named if subjects is not None else None


def _subject(reading: Reading, name: str, value: object) -> str:
    if isinstance(value, str) and _SUBJECT.fullmatch(value):
        return value
    reading.fault(name, "the subject of a certificate, such as /O=Grid/CN=Some One")
    return ""
