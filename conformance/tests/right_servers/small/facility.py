"""What the service says of itself and of its one facility, and the limits that it holds jobs to."""

import platform

SERVICE_CLASSES = ["core", "access"]
FACILITY_CLASSES = ["core", "software"]

MAX_REQUEST_BYTES = 200_000
MAX_INLINE_TOTAL_BYTES = 2048
MAX_ENVIRONMENT_BYTES = 2048
RESULT_RETENTION_SECONDS = 120
PAGE_SIZE = 100

FACILITY_ID = "Workbench.1"
CATALOGUE = [{"name": "POSIX sh & friends/é", "version": "1+2 #3%", "default": True}]
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
UNSUPPORTED_RESOURCES = ("cpu_cores", "memory_bytes", "gpus", "architecture", "queue", "site")

SERVICE_INFO = {
    "id": "org.example.workbench",
    "name": "The workbench",
    "type": {"group": "org.example", "artifact": "common-compute", "version": "1.0.0"},
    "organization": {"name": "The workbench's owner", "url": "https://workbench.example/"},
    "version": "1",
    "conforms_to": SERVICE_CLASSES,
    "access": {"kind": "bearer"},
    "limits": {"max_request_bytes": MAX_REQUEST_BYTES, "max_wait_seconds": 0, "max_page_size": 1000},
}

FACILITY = {
    "id": FACILITY_ID,
    "name": "Workbench",
    "description": "One machine that runs one job at a time, in the order of their submission.",
    "kind": "workbench",
    "conforms_to": FACILITY_CLASSES,
    "status": {"state": "unknown"},
    "architectures": [ARCHITECTURES.get(platform.machine(), platform.machine())],
    "scheduler": {"kind": "none"},
    "container_runtimes": [],
    "queues": [],
    "storage": [],
    "input_url_schemes": [],
    "resources": {
        "cpu_cores": {"support": "unsupported"},
        "memory_bytes": {"support": "unsupported"},
        "wall_time_seconds": {"support": "advisory"},
    },
    "limits": {
        "max_array_tasks": 1,
        "max_inline_total_bytes": MAX_INLINE_TOTAL_BYTES,
        "max_environment_bytes": MAX_ENVIRONMENT_BYTES,
        "result_retention_seconds": RESULT_RETENTION_SECONDS,
        "stale_after_seconds": 60,
    },
    "reason_codes": ["exit-nonzero", "output-missing", "cancelled-by-user"],
    "credential": {"kind": "none", "delegation": "service", "instructions": "There is nothing to do."},
    "probe": {"installed": {"kind": "installed", "name": CATALOGUE[0]["name"]}},
}
