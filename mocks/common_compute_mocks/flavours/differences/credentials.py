"""The rows about what a caller has to set up."""

from __future__ import annotations

from common_compute_mocks.flavours.differences.evidence import Evidence
from common_compute_mocks.flavours.differences.rows import row


@row("FLV-40")
def kind_and_delegation(seen: Evidence) -> None:
    """At Rosetta jobs run as the caller, through a key; DIRAC is trusted to act on behalf of the caller."""
    demand = seen.document["credential"]
    expected = seen.of(rosetta=("ssh_key", "user"), dirac=("x509_proxy", "on_behalf"))
    assert expected == (demand["kind"], demand["delegation"])


@row("FLV-41")
def names(seen: Evidence) -> None:
    """An account and a public key stand for a caller at Rosetta, a subject and a group at DIRAC."""
    expected = seen.of(rosetta={"account", "public_key", "fingerprint"}, dirac={"subject", "group"})
    told = {"account", "public_key", "fingerprint", "subject", "group"} & set(seen.credentials["valid"])
    assert expected == told


@row("FLV-42")
def step_of_the_user(seen: Evidence) -> None:
    """The user adds a line to a file on the cluster, or uploads a proxy to DIRAC."""
    told = seen.credentials["awaiting_user"]["instructions"]
    assert (
        seen.of(rosetta="~/.ssh/authorized_keys needs this line: restrict", dirac="dirac-proxy-init -g ")
        in told
    )


@row("FLV-43")
def expiry(seen: Evidence) -> None:
    """A proxy ends, a key does not."""
    assert seen.of(rosetta=False, dirac=True) == ("expires_at" in seen.credentials["valid"])


@row("FLV-44")
def shut_out(seen: Evidence) -> None:
    """The cluster does not take the key, DIRAC finds no proxy."""
    words = seen.of(rosetta="does not take the key", dirac="Can't find proxy ( 1101 : ")
    assert words in seen.shut_out
