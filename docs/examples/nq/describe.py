"""What the facility says of itself. Claim what it really does: everything that stands here is checked."""

from __future__ import annotations

from collections.abc import Sequence

from common_compute_connector.protocol import Document

from .launch import GRACE_SECONDS

_DAY = 86_400


def facility_document() -> Document:
    """Give the facility document of the contract, without `id` and `status`."""
    return {
        "name": "nq",
        "description": "Jobs wait in a queue of nq, and run one by one on the machine of the service.",
        "kind": "nq",
        "conforms_to": ["core", "software", "arrays", "ranges", "live-logs"],
        "architectures": [],
        "scheduler": {"kind": "nq"},
        "container_runtimes": [],
        "queues": [],
        "storage": [],
        "input_url_schemes": [],
        # Nothing that a job wishes for is looked at, so the server refuses such wishes before they get here.
        "resources": {
            name: {"support": "unsupported"}
            for name in (
                "cpu_cores",
                "memory_bytes",
                "wall_time_seconds",
                "gpus",
                "architecture",
                "queue",
                "site",
            )
        },
        "limits": {
            "max_array_tasks": 1000,
            "max_inline_total_bytes": 4 * 1024 * 1024,
            "max_environment_bytes": 100_000,
            "result_retention_seconds": 7 * _DAY,
            "stale_after_seconds": 60,
            "lost_after_seconds": 30,
            "cancel_grace_seconds": GRACE_SECONDS,
        },
        # Only what it can tell apart.
        "reason_codes": [
            "exit-nonzero",
            "signal",
            "command-not-found",
            "output-missing",
            "results-lost",
            "lost",
            "cancelled-by-user",
        ],
        "credential": {
            "kind": "none",
            "delegation": "service",
            "instructions": "Nothing is needed: jobs run under the account of the service.",
        },
        # The software with which it is certified: a shell and a few tools have to work in it.
        "probe": {"installed": {"kind": "installed", "name": "posix-shell"}},
    }


def software_documents() -> Sequence[Document]:
    """Give the catalogue: each name has one default version."""
    return [
        {
            "name": "posix-shell",
            "version": "system",
            "default": True,
            "description": "The machine's own shell and tools.",
        }
    ]
