"""What a Rosetta instance knows that has no counterpart here, in words, one line for each thing. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from common_compute_rosetta.takeover.dump import Computing, Container, Dump
from common_compute_rosetta.takeover.images import can_be_pulled, runs_on
from common_compute_rosetta.takeover.rows import one_line

_WORDS_OF_CONF = {
    "default_partition": "a job that names no queue goes to the one that Slurm itself has as its default",
    "default_cpus": "a job that names no `cpu_cores` gets what Slurm gives",
    "first_host": "there are no hops: this service must reach the host itself",
    "first_user": "there are no hops: this service must reach the host itself",
    "second_host": "there are no hops: this service must reach the host itself",
    "second_user": "there are no hops: this service must reach the host itself",
    "setup_command": "what a command needs is set up by `setup` of a [[facility.software]] table",
    "base_port": "jobs offer no port",
    "user": "with keys of their own callers name their own accounts",
}
_TAKEN = ("host", "port", "default_memory")


def sentences(dump: Dump, ids: Mapping[str, str]) -> list[str]:
    """Tell all of it; `ids` are the facilities of the computing resources that were taken over, by uuid."""
    told = [
        line for each in dump.computings if each.uuid in ids for line in _of_computing(each, ids[each.uuid])
    ]
    there = [each for each in dump.computings if each.uuid in ids]
    for container in dump.containers:
        told += [
            f'Container "{container.name}" ({one_line(container.reference)}): {words}'
            for words in _of_container(container, there)
        ]
    # Two images that differ in their architecture alone are told as one.
    return list(dict.fromkeys([*told, *_of_users(dump), *_of_all(dump, ids), *_of_unread(dump)]))


def _of_computing(computing: Computing, facility_id: str) -> Iterator[str]:
    what = f'Computing resource "{computing.name}" ({facility_id})'
    if computing.owner is not None:
        yield (
            f"{what}: it is for the {computing.owner} alone, and here every caller sees it; only who has an "
            "account on it can run jobs there."
        )
    taken = (*_TAKEN, "user") if computing.auth_mode == "platform_keys" else _TAKEN
    for name, value in computing.conf.items():
        if name in taken or value in (None, ""):
            continue
        words = _WORDS_OF_CONF.get(name)
        if words is None:
            # Nobody knows what it is; it may be a secret.
            yield f"{what}: `{one_line(name, 60)}` of its conf: nothing here has such a setting."
        else:
            yield f'{what}: `{name}` of its conf, "{one_line(str(value), 100)}": {words}.'
    if computing.emulated_archs:
        emulated = ", ".join(computing.emulated_archs)
        yield f"{what}: it emulates {emulated}; here jobs run on the architecture that a machine has."


def _of_container(container: Container, computings: list[Computing]) -> Iterator[str]:
    if container.owner is not None:
        yield f"in no catalogue, it is for the {container.owner} alone; who knows its reference can run it."
    elif not can_be_pulled(container.reference):
        yield (
            "in no catalogue, it names no registry that facilities reach: if it is in Rosetta's own, push it "
            "where they do."
        )
    elif not any(runs_on(container, each) for each in computings):
        yield f"no facility has its architecture, {container.arch}."
    if container.interface is not None:
        yield f"its interface, port {container.interface}: a job is a command, to which nobody connects."
    if container.variables:
        names = ", ".join(container.variables)
        yield f"its variables, {names}: a job names those that it needs in `environment`."


def _of_users(dump: Dump) -> Iterator[str]:
    users = sorted({pair.user for pair in dump.key_pairs if pair.user is not None})
    if users:
        yield (
            f"Key pairs of users ({len(users)}): not taken over. This service makes a pair for each caller "
            "and facility (put_credential), and its public key goes where the old one is; remove the old one."
        )
    platform = sum(pair.user is None and pair.default for pair in dump.key_pairs)
    if platform != 1 and any(each.auth_mode == "platform_keys" for each in dump.computings):
        yield f"Key pair of the platform: the dump has {platform} default ones, so `key_file` is left empty."
    for user, kind in dump.other_confs:
        yield f'Profile of user {user}: its configuration of the kind "{kind}" is not known.'


def _of_all(dump: Dump, ids: Mapping[str, str]) -> Iterator[str]:
    if not ids:
        return
    yield (
        "Host keys: Rosetta logs in with StrictHostKeyChecking=no. Here each host's key is pinned: fill in "
        "`host_key`."
    )
    if any(each.interface is not None for each in dump.containers):
        yield "Interactive sessions: Rosetta's reverse proxy, tunnels and links to tasks have no counterpart."
    yield "Images: a caller may run any image, registered or not; `registries` of a facility narrows that."


def _of_unread(dump: Dump) -> Iterator[str]:
    for model, count in sorted(dump.unread.items()):
        words = _WORDS_OF_MODEL.get(model, "not read")
        yield f"{count} of {model}: {words}."


_WORDS_OF_MODEL = {
    "core_app.task": "Rosetta's tasks stay with it, and those that run go on",
    "core_app.page": "Rosetta's pages stay with it",
    "core_app.logintoken": "not read; callers have tokens of this service, or of an identity provider",
}
