"""The settings of a DIRAC: what is enough, what is said about what is wrong, and who may be whom."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from common_compute_connector.errors import ConfigurationError
from common_compute_dirac.settings import Settings

Make = Callable[..., Settings]


def faults(settings: Make, **more: Any) -> list[str]:
    """Give what is said about a table that cannot be used."""
    with pytest.raises(ConfigurationError) as told:
        settings(**more)
    return list(told.value.faults)


def test_what_is_enough(settings: Make) -> None:
    """A client, a configuration server, authorities, a VO, a group, a certificate, and a rule for callers."""
    found = settings()
    assert ("grid", "on_behalf", ("cta_user",)) == (found.id, found.delegation.kind, found.delegation.groups)
    assert ("/O=Grid/CN=alice", 50_000) == (found.delegation.subject_of("alice"), found.max_wall_time_seconds)
    assert [("posix-shell", True)] == [(entry.name, entry.default) for entry in found.software]


def test_all_faults_are_told_at_once(settings: Make) -> None:
    """Each setting that is wrong has a sentence that says what it must be."""
    told = faults(
        settings,
        interpreter="/nonexistent/python",
        configuration_server="http://example.org",
        ca_directory=None,
        vo="",
        group=7,
        certificate=None,
        subject_rule="/O=Grid/CN=everybody",
        sites=['A"; x'],
        max_log_bytes=0,
        cpu_time_factor="ten",
        hearbeat_seconds=5,
        shell=[],
        software="ctapipe",
    )
    for what in (
        "`interpreter` must be the path of a Python that has DIRAC",
        "`configuration_server` must be a URL",
        "`ca_directory` must be the path of",
        "`vo` must be a text",
        "`group` must be the group",
        "`certificate` must be the path of",
        "`subject_rule` must be a subject with {caller}",
        "`sites` must be a list of names",
        "`max_log_bytes` must be a whole number, at least 1",
        "`cpu_time_factor` must be a number",
        "there is no setting `hearbeat_seconds`: is `heartbeat_seconds` meant?",
        "`shell` must be a text",
        "`software` must be [[facility.software]] tables",
    ):
        assert 1 == sum(what in fault for fault in told), (what, told)
    assert 13 == len(told)


def test_a_wall_time_by_default_fits_the_longest(settings: Make) -> None:
    """What is by default must be allowed."""
    (told,) = faults(settings, max_wall_time_seconds=10, default_wall_time_seconds=20)
    assert "`default_wall_time_seconds` must be at most `max_wall_time_seconds`, which is 10" in told
    assert 10 == settings(max_wall_time_seconds=10).default_wall_time_seconds


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        ([{"name": "a"}], "`version` must be a text"),
        ([{"name": "a", "version": "1"}, {"name": "a", "version": "1"}], "one version twice"),
        ([{"name": "a", "version": "1"}, {"name": "a", "version": "2"}], "`default = true` at exactly one"),
        ([{"name": "a", "version": "1", "setup": "setup.sh"}], "`setup` must be the absolute path"),
        ([{"name": "a", "version": "1", "default": "yes"}], "`default` must be true or false"),
        ([{"name": "a", "version": "1", "path": "/x"}], "there is no setting `path`"),
    ],
)
def test_a_catalogue_that_is_wrong(settings: Make, tables: list[dict[str, Any]], words: str) -> None:
    """Each fault of the catalogue is told with the entry's number or name."""
    assert any(words in fault for fault in faults(settings, software=tables))


@pytest.mark.parametrize(
    "owner",
    ["alice/CN=admin", "a=b", "", "a\nb", "x" * 129, "a/b", "\N{LATIN SMALL LETTER E WITH ACUTE}"],
)
def test_a_caller_s_name_adds_nothing_to_a_subject(settings: Make, owner: str) -> None:
    """A name that could make somebody else of its caller has no subject by the rule."""
    assert settings().delegation.subject_of(owner) is None


def test_a_table_of_callers(settings: Make) -> None:
    """Who is named in it has that subject, all others have the rule's, or none where there is no rule."""
    table = {"issuer#alice": "/O=Other/CN=A Lice"}
    both = settings(subjects=table).delegation
    assert ("/O=Other/CN=A Lice", "/O=Grid/CN=bob") == (
        both.subject_of("issuer#alice"),
        both.subject_of("bob"),
    )
    only = settings(subjects=table, subject_rule=None).delegation
    assert (None, "/O=Other/CN=A Lice") == (only.subject_of("bob"), only.subject_of("issuer#alice"))
    assert any("subjects.a" in fault for fault in faults(settings, subjects={"a": "CN=a"}))
    assert any("`subject_rule`, or [facility.subjects]" in f for f in faults(settings, subject_rule=None))


def test_one_user_for_all(settings: Make, tmp_path: Path) -> None:
    """With `service` there is a proxy, or a host's certificate and the subject to act for; no rule."""
    proxy = tmp_path / "proxy.pem"
    proxy.touch(mode=0o600)
    service = {"delegation": "service", "subject_rule": None}
    shown = settings(**service, proxy=str(proxy), certificate=None, key=None).delegation
    assert (proxy, None, "") == (shown.proxy, shown.host, shown.subject)
    acting = settings(**service, subject="/O=Grid/CN=robot").delegation
    assert (None, "/O=Grid/CN=robot") == (acting.proxy, acting.subject)
    assert acting.host == (Path(sys.executable), tmp_path / "hostkey.pem")
    assert any("`subject` must be the subject" in fault for fault in faults(settings, **service))
    assert any(
        "`subject_rule` means nothing here" in f
        for f in faults(settings, delegation="service", subject="/O=a")
    )
    assert any("`proxy` means nothing here" in fault for fault in faults(settings, proxy=str(proxy)))
    assert any("`delegation` must be" in fault for fault in faults(settings, delegation="nobody"))


def test_callers_by_their_own_proxies(settings: Make) -> None:
    """With `user` callers get subjects as with `on_behalf`, and a host's certificate fetches their proxies."""
    own = settings(delegation="user", groups=["cta_analysis"]).delegation
    assert ("user", "/O=Grid/CN=alice") == (own.kind, own.subject_of("alice"))
    assert (("cta_user", "cta_analysis"), None) == (own.groups, own.proxy)
    assert any("`certificate` must be" in f for f in faults(settings, delegation="user", certificate=None))
    assert any("`subject_rule`, or" in f for f in faults(settings, delegation="user", subject_rule=None))
    assert any(
        "`subject` means nothing here" in f for f in faults(settings, delegation="user", subject="/O=a")
    )


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o601])
@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("key", {}),
        ("key", {"delegation": "user"}),
        ("proxy", {"delegation": "service", "certificate": None, "key": None, "subject_rule": None}),
    ],
    ids=["on_behalf", "user", "service"],
)
def test_a_secret_that_others_can_use_is_refused(
    settings: Make, tmp_path: Path, name: str, more: dict[str, Any], mode: int
) -> None:
    """A key or a proxy that its group or anybody else can read or write is a fault, with what mends it."""
    secret = tmp_path / "secret of ours.pem"
    secret.touch()
    for allowed in (0o600, 0o400):
        secret.chmod(allowed)
        settings(**{**more, name: str(secret)})
    secret.chmod(mode)
    (told,) = faults(settings, **{**more, name: str(secret)})
    assert f"facility 'grid': others can use `{name}`; run: chmod 600 '{secret}'" == told


CONTAINERS = {"runtime": "apptainer", "images": "/cvmfs/unpacked.example.org/", "probe_image": "debian:12"}


def test_containers_and_files_are_there_if_they_are_named(settings: Make) -> None:
    """Without their tables there are none; with them little has to be said."""
    assert (None, None) == (settings().containers, settings().staging)
    made = settings(containers=CONTAINERS, staging={"storage_element": "CTA-disk"})
    assert made.containers is not None
    assert ("apptainer", "/cvmfs/unpacked.example.org") == (made.containers.program, made.containers.images)
    assert made.staging is not None
    assert ("CTA-disk", 21_600) == (made.staging.storage_element, made.staging.max_transfer_seconds)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("yes", "`containers` must be a table"),
        ({}, "`runtime` must be what the workers have: charliecloud or apptainer"),
        (CONTAINERS | {"runtime": "docker"}, "`runtime` must be what the workers have"),
        (CONTAINERS | {"images": "cvmfs"}, "`images` must be an absolute path"),
        (CONTAINERS | {"images": "/a:b"}, "`images` must be an absolute path"),
        (CONTAINERS | {"probe_image": "UPPER CASE"}, "`probe_image` must be an image"),
        (CONTAINERS | {"catalogue": ["debian:12", 7]}, "`catalogue` must be an image"),
        (CONTAINERS | {"catalogue": "debian:12"}, "`catalogue` must be a list"),
        (CONTAINERS | {"container_tags": ['"']}, "`container_tags` must be a list of names"),
        (CONTAINERS | {"image": "/x"}, "there is no setting `image`: is `images` meant?"),
    ],
)
def test_containers_that_are_wrong(settings: Make, table: Any, words: str) -> None:
    """Each fault is told, with the table's name."""
    told = faults(settings, containers=table)
    assert any(words in fault for fault in told), told


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("CTA-disk", "`staging` must be a table"),
        ({}, "`storage_element` must be the name of a storage element"),
        ({"storage_element": "a b"}, "`storage_element` must be the name of a storage element"),
        ({"storage_element": "a", "max_input_bytes": 0}, "`max_input_bytes` must be a whole number"),
        ({"storage_element": "a", "schemes": ["lfn"]}, "there is no setting `schemes`"),
    ],
)
def test_files_that_are_wrong(settings: Make, table: Any, words: str) -> None:
    """Each fault is told."""
    assert any(words in fault for fault in faults(settings, staging=table))
