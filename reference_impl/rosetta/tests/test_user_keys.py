"""Pairs of keys: what is shown of them, what is kept, and for whom it opens."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from common_compute_rosetta.keys import Cabinet, SealBroken, WeakSecret, fingerprint

OLD, NEW = "o" * 32, "n" * 40
ANNA = ("cluster", "anna")


def test_a_pair_fits_and_is_what_openssh_reads(tmp_path: Path) -> None:
    """ssh-keygen derives the same public half from the private one, and shows the same fingerprint."""
    cabinet = Cabinet([OLD])
    pair = cabinet.new_pair(ANNA, "common-compute cluster")
    file = tmp_path / "key"
    file.touch(mode=0o600)
    file.write_text(cabinet.open(pair.sealed, ANNA))
    derived = subprocess.run(
        ["ssh-keygen", "-y", "-f", file], capture_output=True, text=True, check=True
    ).stdout
    assert derived.split()[:2] == pair.public_line.split()[:2]
    (tmp_path / "key.pub").write_text(pair.public_line + "\n")
    told = subprocess.run(
        ["ssh-keygen", "-lf", tmp_path / "key.pub"], capture_output=True, text=True, check=True
    )
    assert pair.fingerprint == told.stdout.split()[1] == fingerprint(pair.public_line)


def test_what_is_kept_shows_nothing() -> None:
    """Neither the sealed half nor what is printed of a pair holds the private key; no two are alike."""
    cabinet = Cabinet([OLD])
    pair, other = (cabinet.new_pair(ANNA, "c") for _ in range(2))
    secret = cabinet.open(pair.sealed, ANNA)
    for line in secret.splitlines()[1:-1]:
        assert line.encode() not in pair.sealed
        assert line not in repr(pair)
    assert pair.public_line != other.public_line
    assert "sealed" not in repr(pair)


@pytest.mark.parametrize("subject", [("cluster", "bert"), ("other", "anna"), ("cluster",), ()])
def test_a_pair_opens_for_its_subject_only(subject: tuple[str, ...]) -> None:
    """A row of the store that is put in another caller's place opens nothing."""
    cabinet = Cabinet([OLD])
    with pytest.raises(SealBroken):
        cabinet.open(cabinet.new_pair(ANNA, "c").sealed, subject)


def test_a_new_secret_in_front_of_the_old_one_opens_both() -> None:
    """A secret is replaced without anybody making new keys; without the old one its keys stay closed."""
    pair = Cabinet([OLD]).new_pair(ANNA, "c")
    both = Cabinet([NEW, OLD])
    assert "PRIVATE KEY" in both.open(pair.sealed, ANNA)
    with pytest.raises(SealBroken):
        Cabinet([NEW]).open(pair.sealed, ANNA)
    with pytest.raises(SealBroken):
        Cabinet([OLD]).open(both.new_pair(ANNA, "c").sealed, ANNA)


@pytest.mark.parametrize("cut", [0, 1, 50, -1])
def test_what_was_changed_does_not_open(cut: int) -> None:
    """One changed byte, or a shorter text, is noticed."""
    cabinet = Cabinet([OLD])
    sealed = cabinet.new_pair(ANNA, "c").sealed
    changed = sealed[:cut] + bytes([sealed[cut] ^ 1]) + sealed[cut:][1:]
    for wrong in (changed, sealed[:cut]):
        with pytest.raises(SealBroken):
            cabinet.open(wrong, ANNA)


@pytest.mark.parametrize("secrets", [[], ["short"], [OLD, "short"]])
def test_a_weak_secret_is_refused(secrets: list[str]) -> None:
    """A secret that can be guessed locks nothing."""
    with pytest.raises(WeakSecret):
        Cabinet(secrets)
