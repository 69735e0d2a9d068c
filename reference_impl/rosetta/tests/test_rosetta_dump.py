"""Dumps of Rosetta's database: real ones are understood, and what is wrong with others is told."""

import copy
import json
from pathlib import Path

import pytest

from common_compute_rosetta.takeover.dump import MAX_FAULTS, DumpUnreadable, RemoteAccount, read_dump

DUMPS = Path(__file__).parent / "dumps"
SITE = (DUMPS / "site.json").read_bytes()

COMPUTING = {
    "model": "core_app.computing",
    "pk": "0f156dd2-f0a6-4d55-9e5a-10521a3ccf6e",
    "fields": {
        "user": None,
        "group": None,
        "name": "Cluster",
        "description": None,
        "type": "cluster",
        "arch": "amd64",
        "access_mode": "ssh+cli",
        "auth_mode": "user_keys",
        "wms": "slurm",
        "container_engines": ["singularity"],
        "supported_archs": None,
        "emulated_archs": None,
        "conf": {"host": "login.example.org"},
    },
}
PROFILE = {"model": "core_app.profile", "pk": "p", "fields": {"user": ["anna"], "extra_confs": None}}


def row(base=COMPUTING, pk=None, **fields):
    """Give a row with some fields changed; `...` takes one away."""
    made = copy.deepcopy(base)
    made["fields"] |= fields
    made["fields"] = {name: value for name, value in made["fields"].items() if value is not ...}
    if pk is not None:
        made["pk"] = pk
    return made


def read(*rows):
    """Read a dump of these rows."""
    return read_dump(json.dumps(rows).encode())


def faults(text: bytes) -> list[str]:
    """Give what is said about a dump that cannot be used."""
    with pytest.raises(DumpUnreadable) as told:
        read_dump(text)
    return list(told.value.faults)


def test_a_real_dump_is_read_whole():
    """Everything that Rosetta's own models and dumpdata wrote is there."""
    dump = read_dump(SITE)
    assert (7, 10, 10, 5, 4) == tuple(
        map(len, (dump.computings, dump.containers, dump.storages, dump.accounts, dump.key_pairs))
    )
    pleiadi = next(each for each in dump.computings if each.name == "Pleiadi (Trieste)")
    assert ("cluster", "ssh+cli", "user_keys", "slurm", "amd64", ("386",), ("singularity",), None) == (
        pleiadi.type,
        pleiadi.access_mode,
        pleiadi.auth_mode,
        pleiadi.wms,
        pleiadi.arch,
        pleiadi.supported_archs,
        pleiadi.engines,
        pleiadi.owner,
    )
    assert "The cluster of the institute.\nMaintenance on Mondays." == pleiadi.description
    assert {"host": "login.pleiadi.example.org", "port": 2222} == {
        name: pleiadi.conf[name] for name in ("host", "port")
    }
    assert RemoteAccount("anna", pleiadi.uuid, "arossi") in dump.accounts
    casa = next(each for each in dump.containers if each.name == "CASA")
    assert f"registry.ict.inaf.it/exact/swc/casa:6.6@sha256:{'9f' * 32}" == casa.reference
    notebook = next(each for each in dump.containers if each.name == "Jupyter Notebook")
    assert ("8888 (http)", ["BASE_DIR"]) == (notebook.interface, notebook.variables)
    assert {"group lofar", "user bruno", None} == {each.owner for each in dump.computings}


def test_numbers_of_users_become_names():
    """A dump without natural keys says the same, if it has the users; other models are counted."""
    natural, numbered = read_dump(SITE), read_dump((DUMPS / "site_with_users.json").read_bytes())
    assert [natural.computings, natural.containers, natural.storages, natural.accounts] == [
        numbered.computings,
        numbered.containers,
        numbered.storages,
        numbered.accounts,
    ]
    assert {"core_app.task": 1, "core_app.page": 1, "core_app.logintoken": 1} == numbered.unread


def test_a_number_without_its_user_is_still_told_apart():
    """Whose an object is stays known as far as the dump has it."""
    assert "user number 3 and group number 1" == read(row(user=3, group=1)).computings[0].owner


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "no JSON"),
        (b"[", "no JSON (line 1"),
        (b"\xff\xfe[\x00]\x00", "no text in UTF-8"),
        (b"{}", "no list of objects"),
        (b"[]", "no computing resource"),
        (b"[" * 100_000, "no JSON"),
        (b"[" + b"9" * 5000 + b"]", "no JSON"),
        (b'[{"model": "auth.user", "pk": 1, "fields": {"username": "x"}}]', "no computing resource"),
    ],
)
def test_what_is_no_dump_is_told_with_the_command_that_makes_one(text, words):
    """Whatever comes in place of a dump, the words say how to get one."""
    (fault,) = faults(text)
    assert words in fault
    assert "dumpdata --natural-foreign core_app.computing" in fault


@pytest.mark.parametrize(
    "wrong", [1, None, [], {}, {"model": 3, "pk": 1, "fields": {}}, {"model": "x", "pk": 1}]
)
def test_a_row_of_another_form_is_named_by_its_number(wrong):
    """The row is counted from one."""
    (fault,) = faults(json.dumps([COMPUTING, wrong]).encode())
    assert fault.startswith("row 2: ")


@pytest.mark.parametrize(
    ("base", "fields", "words"),
    [
        (COMPUTING, {"name": ...}, "`name` is missing"),
        (COMPUTING, {"access_mode": ...}, "`access_mode` is missing: is the dump of a version"),
        (COMPUTING, {"name": None}, "`name` must be a text"),
        (COMPUTING, {"name": ""}, "`name` must be a text"),
        (COMPUTING, {"name": "\x00\u202e\n"}, "`name` has no character that could be shown"),
        (COMPUTING, {"name": "x" * 5000}, "`name` must be a text"),
        (COMPUTING, {"conf": []}, "`conf` must be an object"),
        (COMPUTING, {"conf": "{}"}, "`conf` must be an object"),
        (COMPUTING, {"container_engines": "docker"}, "`container_engines` must be a list"),
        (COMPUTING, {"container_engines": [1]}, "`container_engines` must be a list"),
        (COMPUTING, {"wms": 1}, "`wms` must be a text"),
        (COMPUTING, {"description": 1}, "`description` must be a text"),
        (COMPUTING, {"user": {}}, "`user` must be null"),
        (COMPUTING, {"group": ["a", "b"]}, "`group` must be null"),
        (COMPUTING, {"group": True}, "`group` must be null"),
        (PROFILE, {"user": None}, "`user` must be a user"),
        (PROFILE, {"extra_confs": []}, "`extra_confs` must be an object"),
        (PROFILE, {"extra_confs": {"a": 1}}, "`extra_confs` must hold objects"),
        (
            PROFILE,
            {"extra_confs": {"a": {"type": "computing_user", "value": "x"}}},
            "`extra_confs` must hold",
        ),
    ],
)
def test_a_field_that_is_wrong_is_named(base, fields, words):
    """Each fault names the row, its key and the field."""
    found = faults(json.dumps([row(pk="other"), row(base, pk="odd", **fields)]).encode())
    assert 1 == len(found), found
    assert words in found[0]
    assert found[0].startswith(f'row 2 ({base["model"]} "odd"): ')


def test_all_faults_are_told_at_once_up_to_a_number():
    """Who mends a dump need not run it again for every row, and a broken one does not flood a terminal."""
    assert 3 == len(faults(json.dumps([row(pk=n, name=..., conf=3) for n in (1,)] + [7]).encode()))
    many = faults(json.dumps([row(pk=n, name=...) for n in range(MAX_FAULTS + 5)]).encode())
    assert (MAX_FAULTS + 1, "and 5 more") == (len(many), many[-1])


def test_a_key_that_stands_twice_is_told():
    """Two rows with one key would be one object in Rosetta."""
    assert "its `pk` is that of another row too" in faults(json.dumps([COMPUTING, COMPUTING]).encode())[0]


def test_names_become_single_lines_that_can_be_shown():
    """Control characters, lines and what turns text around go out of names, and halves of pairs out of paths."""
    hostile = "a\x1b[31m\r\nb\u202e\t c\x00"
    dump = read(
        row(name=hostile, user=[hostile], description=f"one\n{hostile}"), row(PROFILE, user=[hostile])
    )
    computing = dump.computings[0]
    assert ("a [31m b c", "user a [31m b c", "one\na [31m\nb c") == (
        computing.name,
        computing.owner,
        computing.description,
    )


def test_half_a_pair_is_replaced():
    """JSON can write what no file in UTF-8 can hold."""
    fields = {"user": None, "private_key_file": "/a\ud800b", "public_key_file": "x", "default": True}
    key_pair = {"model": "core_app.keypair", "pk": "k", "fields": fields}
    assert "/a?b" == read(COMPUTING, key_pair).key_pairs[0].private_key_file


def test_other_kinds_of_configuration_are_told_without_their_values():
    """What a profile has beside accounts is named by its kind and its user."""
    confs = {"a": {"type": "binds", "object_uuid": "x", "value": "secret"}}
    assert [("anna", "binds")] == read(COMPUTING, row(PROFILE, extra_confs=confs)).other_confs
