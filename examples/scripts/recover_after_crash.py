#!/usr/bin/env python3
"""Submit one job, however often this is interrupted and started again: recover_after_crash.py URL KEY_FILE

The key is on disk before the first submission. Whoever comes back with it and the same job gets the job that
was submitted then, also where the answer was lost on its way.
"""

import sys
import uuid
from pathlib import Path

import requests

url, key_file = sys.argv[1], Path(sys.argv[2])
if not key_file.exists() or not key_file.read_text():
    key_file.write_text(str(uuid.uuid4()))

facility = requests.get(f"{url}/facilities", timeout=30).json()["facilities"][0]
software = next(iter(facility["probe"].values()))
asked = {"facility_id": facility["id"], "software": software, "command": ["true"]}
headers = {"Idempotency-Key": key_file.read_text()}
answer = requests.post(f"{url}/jobs", json=asked, headers=headers, timeout=30)
answer.raise_for_status()
job = answer.json()
print("again" if "Idempotency-Replayed" in answer.headers else "new", job["id"], job["state"])
while job["state"] not in ("succeeded", "failed", "cancelled"):
    job = requests.get(f"{url}/jobs/{job['id']}?wait_seconds=30", timeout=60).json()
print(job["state"], job.get("exit_code"))
