#!/usr/bin/env python3
"""Submit a job, check it, fetch its results, done: submit_check_fetch.py http://127.0.0.1:8080/v1"""

import re
import sys
import tempfile
import uuid
from pathlib import Path

import requests
from requests.adapters import HTTPAdapter, Retry

url = sys.argv[1]
api = requests.Session()  # where callers have tokens: api.headers["Authorization"] = f"Bearer {token}"
patient = Retry(5, backoff_factor=1, allowed_methods=None, raise_on_status=False)
api.mount(url, HTTPAdapter(max_retries=patient))  # heeds Retry-After; the key makes a second POST harmless


def call(method, path, **options):
    """Send a request; a problem ends the script, in the service's own words."""
    answer = api.request(method, url + path, timeout=(5, 60), **options)
    return answer if answer.ok else sys.exit(f"{method} {path} answered {answer.text!r}")


facility = call("GET", "/facilities").json()["facilities"][0]
asked = {"facility_id": facility["id"], "software": next(iter(facility["probe"].values()))}
asked |= {"command": ["/bin/sh", "-c", "echo 42 > answer.txt"], "outputs": [{"path": "answer.txt"}]}
job = call("POST", "/jobs", json=asked, headers={"Idempotency-Key": str(uuid.uuid4())}).json()
while job["state"] not in ("succeeded", "failed", "cancelled"):
    job = call("GET", f"/jobs/{job['id']}", params={"wait_seconds": 30}).json()
print(f"{job['state']}, exit code {job.get('exit_code')}, reason {job.get('reason')}")

directory, files, following = Path(tempfile.mkdtemp(prefix="results-", dir=".")), [], {}
while following is not None:
    page = call("GET", f"/jobs/{job['id']}/results", params=following).json()
    following = {"page_token": page["next_page_token"]} if "next_page_token" in page else None
    for result in page["results"]:
        # The path comes out of a job: it may lead anywhere, and the tasks of an array may share it.
        name = re.sub(r"[^\w.-]", "_", result["path"])[-60:]
        files.append(directory / f"{len(files) + 1}-{name}")
        content = call("GET", f"/jobs/{job['id']}/results/{result['id']}", stream=True)
        with content, files[-1].open("xb") as file:
            file.writelines(content.iter_content(1 << 16))
print("saved all" if page["complete"] else "saved what is left", *files, sep="\n")
call("DELETE", f"/jobs/{job['id']}")
