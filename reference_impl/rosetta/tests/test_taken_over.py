"""A Rosetta instance taken over: its configuration here, what it keeps, and what is told of the rest."""

import json
import re
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from common_compute_connector.clock import HeldClock
from common_compute_connector.configuration import configuration_of
from common_compute_connector.errors import ConfigurationError
from common_compute_rosetta.accounts import OwnAccounts, PlatformAccount
from common_compute_rosetta.keys import Cabinet
from common_compute_rosetta.ssh_configuration import read_reach
from common_compute_rosetta.takeover.dump import Computing, Container, Dump, RemoteAccount, Storage, read_dump
from common_compute_rosetta.takeover.taken_over import take_over

DUMPS = Path(__file__).parent / "dumps"
SITE = (DUMPS / "site.json").read_bytes()

CABINET = Cabinet(["x" * 32])
PAIR = CABINET.new_pair((), "")
HOST_KEY, PRIVATE_KEY = PAIR.public_line.strip(), CABINET.open(PAIR.sealed, ())

CLUSTER = Computing(
    uuid="c",
    name="Cluster",
    owner=None,
    description="",
    type="cluster",
    access_mode="ssh+cli",
    auth_mode="user_keys",
    wms="slurm",
    arch="amd64",
    supported_archs=(),
    emulated_archs=(),
    engines=("singularity",),
    conf={"host": "login.example.org"},
)
PLATFORM = replace(
    CLUSTER, type="standalone", wms=None, auth_mode="platform_keys", conf={"host": "h", "user": "u"}
)
IMAGE = Container("i", "Image", None, "docker.io/library/debian:12", "amd64", None, ())
STORAGE = Storage("s", "Data", None, "generic_posix", "/data", "/storages/data", False, "c")


class NobodyEnrolled:
    async def enrolment(self, owner):
        return None


@pytest.fixture
def room(tmp_path):
    """Give a directory with the files that an administrator makes."""
    for name, text in (("secret", "s" * 44), ("key", PRIVATE_KEY), ("tokens", "token-of-anna-4711 anna")):
        (tmp_path / name).touch(mode=0o600)
        (tmp_path / name).write_text(text + "\n")
    return tmp_path


def filled(text, room):
    """Fill in what is empty, as an administrator does with an editor."""
    values = {
        "id": "org.example.compute",
        "tokens_file": room / "tokens",
        "host": "login.example.org",
        "host_key": HOST_KEY,
        "secret_file": room / "secret",
        "account": "platform",
        "key_file": room / "key",
    }
    for name, value in values.items():
        text = re.sub(rf'^{name} = ""$', f'{name} = "{value}"', text, flags=re.MULTILINE)
    return re.sub(r'^key_file = ".*"$', f'key_file = "{room / "key"}"', text, flags=re.MULTILINE)


def reaches(text, room):
    """Read a configuration with the service's own readers, to the last setting of each facility."""
    configuration = configuration_of(tomllib.loads(filled(text, room)), room)
    return {each.id: read_reach(each, NobodyEnrolled(), HeldClock()) for each in configuration.facilities}


def tables(*computings, **members):
    """Take over a made-up instance, and give its facilities' tables as TOML has them, and what is told."""
    taken = take_over(Dump(computings=list(computings), **members))
    return tomllib.loads(taken.text).get("facility", []), taken


def told(taken, words):
    """Give the one line in which these words are."""
    (line,) = (line for line in taken.left if words in line)
    return line


def test_a_real_instance_is_accepted_once_it_is_filled_in(room):
    """What Rosetta knew is read by the connector's own reader, each member where it belongs."""
    taken = take_over(read_dump(SITE))
    found = reaches(taken.text, room)
    assert [*taken.facilities] == [*found]
    assert {
        "amonra",
        "behind-the-gate",
        "bruno-s-box",
        "internal",
        "pleiadi-trieste",
        "shared-workstation",
    } == found.keys()
    pleiadi = found["pleiadi-trieste"]
    assert ("login.pleiadi.example.org", 2222, HOST_KEY) == (
        pleiadi.machine.host,
        pleiadi.machine.port,
        pleiadi.machine.host_key,
    )
    assert isinstance(pleiadi.accounts, OwnAccounts)
    settings = pleiadi.settings
    assert ("Pleiadi (Trieste)", "The cluster of the institute.\nMaintenance on Mondays.", 4 << 30) == (
        settings.name,
        settings.description,
        settings.default_memory_bytes,
    )
    assert (True, ("apptainer", "singularity")) == (settings.slurm is not None, settings.containers.runtimes)
    assert f"registry.ict.inaf.it/exact/swc/casa:6.6@sha256:{'9f' * 32}" in settings.containers.catalogue
    assert {"shared": "/beegfs/shared", "personal": "/beegfs/users", "browsed-only": "/archive"} == {
        each.name: each.path for each in settings.storages
    }
    assert {"shared": True, "personal": False, "browsed-only": False} == {
        each.name: each.read_only for each in settings.storages
    }
    assert () == settings.staging.schemes
    workstation = found["shared-workstation"]
    assert isinstance(workstation.accounts, PlatformAccount)
    assert ["docker.io/library/busybox:stable", "docker.io/jupyter/scipy-notebook:lab-3.2.2"] == list(
        workstation.settings.containers.catalogue
    )
    assert {"platform": "/home/rosetta/data"} == {s.name: s.path for s in workstation.settings.storages}
    assert None is workstation.settings.slurm


def test_nothing_is_served_before_it_is_filled_in(room):
    """Each thing that Rosetta does not know is refused with words about it."""
    text = take_over(read_dump(SITE)).text
    with pytest.raises(ConfigurationError) as refused:
        configuration_of(tomllib.loads(text), room)
    assert {"id", "tokens_file"} <= {
        word for fault in refused.value.faults for word in re.findall(r"\w+", fault)
    }
    text = re.sub(r'(?m)^(id|tokens_file) = ""$', r'\1 = "x"', text)
    facilities = configuration_of(tomllib.loads(text), room).facilities
    assert 6 == len(facilities)
    for facility in facilities:
        with pytest.raises(ConfigurationError) as refused:
            read_reach(facility, NobodyEnrolled(), HeldClock())
        assert any("`host_key`" in fault and "ssh-keyscan" in fault for fault in refused.value.faults)


def test_the_file_says_how_host_keys_are_had():
    """Above each empty host key stands the command that asks this host for it, at its port."""
    text = take_over(read_dump(SITE)).text
    assert '#     ssh-keyscan -t ed25519 -p 2222 login.pleiadi.example.org\nhost_key = ""\n' in text
    assert 6 == text.count("ssh-keyscan") == text.count('host_key = ""')


def test_no_secret_comes_out():
    """Neither passwords' hashes nor tokens of a dump are in anything that is written."""
    dump = (DUMPS / "site_with_users.json").read_text()
    taken = take_over(read_dump(dump.encode()))
    secrets = re.findall(r'"(?:password|authtoken|auth_token|token)": "([^"]+)"', dump)
    assert 8 == len(secrets)
    written = "\n".join([taken.text, *taken.left, *map(str, taken.accounts)])
    assert [] == [secret for secret in secrets if secret in written]
    assert "anna_id_rsa" not in written


def test_what_users_need_to_enrol_is_their_account():
    """Each remote account of a profile comes out with the facility that it is for."""
    taken = take_over(read_dump(SITE))
    assert {
        ("anna", "pleiadi-trieste", "arossi"),
        ("anna", "amonra", "anna"),
        ("bruno", "pleiadi-trieste", "bverdi"),
        ("bruno", "bruno-s-box", "bruno"),
        ("carla", "behind-the-gate", "cbianchi"),
    } == {(each.user, each.facility_id, each.account) for each in taken.accounts}


@pytest.mark.parametrize(
    ("account", "computing", "words"),
    [
        (RemoteAccount("anna", "c", "-oProxyCommand=x"), CLUSTER, "there can be no account of this name"),
        (RemoteAccount("anna", "elsewhere", "anna"), CLUSTER, "its computing resource was not taken over"),
        (RemoteAccount("anna", "c", "anna"), PLATFORM, "jobs run there in one account for all"),
    ],
)
def test_an_account_of_no_use_is_told(account, computing, words):
    """What put_credential would refuse is not handed on."""
    _, taken = tables(computing, accounts=[account])
    assert [] == taken.accounts
    assert told(taken, words)


@pytest.mark.parametrize(
    "words",
    [
        'Computing resource "Shared workstation": not taken over, it is for the group lofar alone',
        'Computing resource "Bruno\'s box" (bruno-s-box): it is for the user bruno alone',
        'Computing resource "Amonra" (amonra): it emulates arm64/v8 by docker, arm64/v7 by docker',
        '`default_partition` of its conf, "pleiadi"',
        '`default_cpus` of its conf, "2"',
        '`first_host` of its conf, "gate.example.org": there are no hops',
        '`setup_command` of its conf, "module load singularity"',
        'Container "SSH server" (registry.ict.inaf.it/exact/swc/ssh:v0.3.0): its interface, port 22 (ssh)',
        'Container "Jupyter Notebook" (registry.ict.inaf.it/exact/swc/jupyternotebook:v0.3.0): its variables, BASE_DIR',
        'Container "Timeseria" (proxy:5000/sarusso/timeseria:8de41fb): in no catalogue',
        'Container "DDFacet" (registry.ict.inaf.it/lofar/ddfacet:0.7): in no catalogue, it is for the group lofar',
        'Storage "Data of each" of "Shared workstation" (shared-workstation): not taken over',
        'Storage "LOFAR archive" of "Pleiadi (Trieste)" (pleiadi-trieste): not taken over, it is for the group lofar',
        'Storage "Object store": not taken over',
        'Storage "Browsed only" of "Pleiadi (Trieste)" (pleiadi-trieste): Rosetta only let people browse it',
        'of "Pleiadi (Trieste)" (pleiadi-trieste): it was "/beegfs/users/$SSH_USER", and here the path of an input',
        "Key pairs of users (3): not taken over",
        "StrictHostKeyChecking=no",
        "reverse proxy",
        "a caller may run any image",
    ],
)
def test_what_has_no_counterpart_is_told_in_a_line(words):
    """Nothing is dropped without a word."""
    assert told(take_over(read_dump(SITE)), words)


def test_what_lies_beside_is_counted():
    """Tasks and the rest of Rosetta's own rows stay where they are, and that is said."""
    taken = take_over(read_dump((DUMPS / "site_with_users.json").read_bytes()))
    assert told(taken, "1 of core_app.task: ").endswith("those that run go on.")


@pytest.mark.parametrize(
    ("name", "identifier"),
    [
        ("Pleiadi (Trieste)", "pleiadi-trieste"),
        ("Università di Ørsted", "universita-di-rsted"),
        ("計算機", "facility"),
        ("--- ;rm -rf / ---", "rm-rf"),
        ("../../etc", "etc"),
        ("x" * 200, "x" * 64),
    ],
)
def test_ids_are_made_of_names(name, identifier):
    """An id is of the contract's form, whatever the name is."""
    (facility,), _ = tables(replace(CLUSTER, name=name))
    assert identifier == facility["id"]
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._~-]{0,63}", facility["id"])


def test_ids_are_unique():
    """Names that make the same id, also where it is as long as can be, get numbers."""
    names = ["A b", "a-b", "A B 2", "x" * 64, "x" * 70, "計", "算"]
    facilities, _ = tables(*(replace(CLUSTER, uuid=str(n), name=name) for n, name in enumerate(names)))
    assert ["a-b", "a-b-2", "a-b-2-2", "x" * 64, "x" * 62 + "-2", "facility", "facility-2"] == [
        each["id"] for each in facilities
    ]


HOSTILE = 'a" = 1\n[[facility]]\nid = "b"\n\x7f\u2028 $(reboot) \\'


def test_hostile_texts_add_nothing_to_the_file(room):
    """Names, paths and hosts that are TOML or shell stay texts, and the reader refuses what it cannot use."""
    computing = replace(
        PLATFORM,
        name=HOSTILE,
        description=HOSTILE,
        conf={"host": HOSTILE, "user": HOSTILE, "default_memory": HOSTILE, HOSTILE: HOSTILE},
    )
    facilities, taken = tables(
        computing,
        containers=[replace(IMAGE, name=HOSTILE, reference=HOSTILE)],
        storages=[replace(STORAGE, name=HOSTILE, base_path="/" + HOSTILE)],
        accounts=[RemoteAccount("anna", "c", HOSTILE)],
    )
    (facility,) = facilities
    assert (HOSTILE, HOSTILE, HOSTILE) == (facility["name"], facility["host"], facility["account"])
    assert {"catalogue", "storage"}.isdisjoint(facility)
    assert [] == taken.accounts
    assert {"service", "access", "facility"} == tomllib.loads(taken.text).keys()
    assert "#     ssh-keyscan -t ed25519 HOST\n" in taken.text
    with pytest.raises(ConfigurationError) as refused:
        reaches(taken.text, room)
    assert any("`host`" in fault for fault in refused.value.faults)


FREE = {
    *(
        "name",
        "description",
        "registry",
        "image_name",
        "image_tag",
        "image_os",
        "interface_protocol",
        "base_path",
    ),
    *(
        "bind_path",
        "private_key_file",
        "host",
        "user",
        "first_host",
        "default_partition",
        "BASE_DIR",
        "value",
    ),
    "arch",
}
"""Where Rosetta takes any text."""


def spoiled(value, name=None):
    """Put the hostile text everywhere where Rosetta takes any."""
    match value:
        case dict():
            return {key: spoiled(each, key) for key, each in value.items()}
        case [str()] if name in ("user", "group", "container_engines"):
            return [HOSTILE]
        case list():
            return [spoiled(each) for each in value]
        case str() if name in FREE:
            return HOSTILE
    return value


def test_a_hostile_dump_says_each_thing_in_one_line():
    """A dump that is hostile in every text makes as many facilities as before, and lines that can be shown."""
    rows = json.loads(SITE)
    taken = take_over(read_dump(json.dumps(spoiled(rows)).encode()))
    written = tomllib.loads(taken.text)
    assert [6, 6] == [len(written["facility"]), len({each["id"] for each in written["facility"]})]
    assert {"service", "access", "facility"} == written.keys()
    assert [] == taken.accounts
    assert all(line.isprintable() for line in taken.left)
    assert len(take_over(read_dump(SITE)).left) <= len(taken.left)


def test_what_rosetta_hides_in_a_conf_is_not_repeated():
    """A member that nobody knows may hold a secret: its name is told, and not its value."""
    _, taken = tables(replace(CLUSTER, conf={"host": "h", "api_token": "abc123"}))
    assert "abc123" not in told(taken, "`api_token`")


@pytest.mark.parametrize(
    "members",
    [
        {"access_mode": "ssh"},
        {"access_mode": "slurm+rest"},
        {"auth_mode": "platform_key"},
        {"wms": "pbs"},
        {"wms": None},
        {"type": "grid"},
        {"access_mode": "internal"},
        {"access_mode": "internal", "auth_mode": "internal"},
    ],
)
def test_what_no_connector_serves_is_left_out(members):
    """A combination that is not understood never becomes a facility by mistake."""
    facilities, taken = tables(replace(CLUSTER, **members))
    assert ([], []) == (facilities, taken.facilities)
    assert told(taken, "not taken over, there is no connector for it")


@pytest.mark.parametrize("wms", [("standalone", None), ("cluster", "slurm")])
@pytest.mark.parametrize("auth_mode", ["user_keys", "platform_keys"])
def test_what_a_connector_serves_is_taken_over(wms, auth_mode, room):
    """Standalone or cluster, with users' keys or the platform's: also what Rosetta's own table leaves out."""
    kind, scheduler = wms
    computing = replace(PLATFORM, type=kind, wms=scheduler, auth_mode=auth_mode)
    taken = take_over(Dump(computings=[computing]))
    (found,) = reaches(taken.text, room).values()
    assert ("user" if auth_mode == "user_keys" else "service") == found.accounts.delegation
    assert (scheduler == "slurm") == (found.settings.slurm is not None)


@pytest.mark.parametrize("owner", ["user anna", "group lofar"])
def test_one_account_of_somebody_alone_is_not_opened_to_all(owner):
    """With the platform's key every caller would run jobs in an account that was meant for some."""
    facilities, taken = tables(replace(PLATFORM, owner=owner))
    assert [] == facilities
    assert told(taken, f"it is for the {owner} alone")


@pytest.mark.parametrize(
    ("text", "bytes_"),
    [
        ("4G", 4 << 30),
        ("4000", 4000 << 20),
        (512, 512 << 20),
        ("2g", 2 << 30),
        ("100K", 100 << 10),
        ("1TB", 1 << 40),
    ],
)
def test_default_memory_is_slurms_size(text, bytes_):
    """The memory of a job that names none is what Rosetta told sbatch (--mem)."""
    (facility,), _ = tables(replace(CLUSTER, conf={"host": "h", "default_memory": text}))
    assert bytes_ == facility["default_memory_bytes"]


@pytest.mark.parametrize("text", ["much", "0", "-1", [], {"a": 1}, "4G; reboot", 1.5])
def test_a_default_memory_that_is_none_is_told(text):
    """What sbatch would not have understood is left out."""
    (facility,), taken = tables(replace(CLUSTER, conf={"host": "h", "default_memory": text}))
    assert "default_memory_bytes" not in facility
    assert bool(text in ([], {}) or told(taken, "`default_memory` of its conf"))


@pytest.mark.parametrize(
    ("port", "written"), [(None, None), (22, None), ("2222", 2222), (2222, 2222), ("", None)]
)
def test_ports(port, written):
    """A port may be a number or a text, and 22 goes without saying."""
    (facility,), _ = tables(replace(CLUSTER, conf={"host": "h", "port": port}))
    assert written == facility.get("port")


@pytest.mark.parametrize("port", [0, 65536, "ssh", True, "22 -oProxyCommand=x", "٢٢", [22]])
def test_a_port_that_is_none_is_told(port):
    """Nothing but a port becomes one, nor a word of a command to be copied."""
    (facility,), taken = tables(replace(CLUSTER, conf={"host": "h", "port": port}))
    assert "port" not in facility
    assert told(taken, "`port` of its conf is no port")
    assert "#     ssh-keyscan -t ed25519 h\n" in taken.text


@pytest.mark.parametrize(
    ("computing", "base_path", "path"),
    [
        (CLUSTER, "/data", "/data"),
        (CLUSTER, "/data/", "/data"),
        (CLUSTER, "/users/$SSH_USER", "/users"),
        (CLUSTER, "/users/$USER/data", "/users"),
        (PLATFORM, "/users/$SSH_USER/data", "/users/u/data"),
        (CLUSTER, "/$SSH_USER", None),
        (CLUSTER, "$SSH_USER/data", None),
        (PLATFORM, "/users/$USER", None),
        (CLUSTER, "/", None),
        (CLUSTER, "data", None),
        (CLUSTER, "/data/../etc", None),
        (CLUSTER, "/$HOME/data", None),
        (CLUSTER, "/a:b", None),
        (CLUSTER, "/a\x00b", None),
        (CLUSTER, "/a\nb", None),
    ],
)
def test_paths_of_storages(computing, base_path, path, room):
    """Rosetta's variables are worked out as far as every caller may see what comes out; else it is told."""
    taken = take_over(Dump(computings=[computing], storages=[replace(STORAGE, base_path=base_path)]))
    (found,) = reaches(taken.text, room).values()
    assert ([] if path is None else [path]) == [each.path for each in found.settings.storages]
    if path is None:
        assert told(taken, 'Storage "Data" of "Cluster" (cluster): not taken over')


@pytest.mark.parametrize(
    "change", [{"type": "s3"}, {"owner": "user anna"}, {"computing": "other"}, {"computing": None}]
)
def test_storages_without_counterpart(change):
    """Other kinds, somebody's own and those of no facility are told."""
    facilities, taken = tables(CLUSTER, storages=[replace(STORAGE, **change)])
    assert "storage" not in facilities[0]
    assert told(taken, 'Storage "Data"')


def test_the_order_of_a_dump_means_nothing():
    """Django writes rows by their random keys: the same instance makes the same files, whatever its keys are."""
    rows = json.loads(SITE)
    one, other = (take_over(read_dump(json.dumps(each).encode())) for each in (rows, rows[::-1]))
    assert (one.text, one.left, one.accounts) == (other.text, other.left, other.accounts)


def test_catalogues_have_what_runs_there():
    """An image is named where its architecture is, once, in an order that does not depend on the dump's keys."""
    images = [
        replace(IMAGE, reference="docker.io/a:1", arch="amd64"),
        replace(IMAGE, reference="docker.io/a:1", arch="arm64"),
        replace(IMAGE, reference="docker.io/b:1", arch="arm64"),
        replace(IMAGE, reference="docker.io/c:1", arch=None),
        replace(IMAGE, reference="docker.io/d:1", arch="386"),
        replace(IMAGE, reference="docker.io/e:1", owner="group lofar"),
        replace(IMAGE, reference="docker.io/Upper:1"),
        replace(IMAGE, reference="docker.io/no tag:1"),
    ]
    arm, amd = replace(CLUSTER, uuid="arm", arch="arm64"), replace(CLUSTER, supported_archs=("386",))
    facilities, _ = tables(arm, amd, containers=images)
    assert [
        ["docker.io/a:1", "docker.io/b:1", "docker.io/c:1"],
        ["docker.io/a:1", "docker.io/c:1", "docker.io/d:1"],
    ] == [each["containers"]["catalogue"] for each in facilities]


@pytest.mark.parametrize("engines", [(), ("shifter",)])
def test_without_an_engine_that_we_know_there_are_no_containers(engines):
    """A facility is written all the same, without containers, and that is told."""
    (facility,), taken = tables(replace(CLUSTER, engines=engines))
    assert "containers" not in facility
    assert told(taken, "no container engine that can be used here")


def test_several_keys_of_the_platform_are_not_chosen_from():
    """Rosetta itself would fail with two default pairs; here the path is left empty, and that is told."""
    rows = json.loads(SITE)
    key_pair = next(
        row for row in rows if row["model"] == "core_app.keypair" and row["fields"]["user"] is None
    )
    taken = take_over(read_dump(json.dumps([*rows, {**key_pair, "pk": "another"}]).encode()))
    facilities = {each["id"]: each for each in tomllib.loads(taken.text)["facility"]}
    assert "" == facilities["shared-workstation"]["key_file"]
    assert told(taken, "the dump has 2 default ones")
