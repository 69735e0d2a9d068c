// The life of jobs with a client that openapi-fetch makes of the generated types: submit, poll, page, download, release.

import { strict as assert } from "node:assert";
import createClient from "openapi-fetch";
import type { components, paths } from "./contract.js";

type Job = components["schemas"]["Job"];
type JobSpec = components["schemas"]["JobSpec"];
type State = components["schemas"]["JobState"];

const ENDED: readonly State[] = ["succeeded", "failed", "cancelled"];
const [baseUrl = "", facility_id = ""] = process.argv.slice(2);

const client = createClient<paths>({ baseUrl });

/** Give what an operation answered, or fail with the problem that it told. */
function given<Data>(told: { data?: Data; error?: unknown }): Data {
  assert(told.data !== undefined, JSON.stringify(told.error));
  return told.data;
}

async function submit(name: string): Promise<Job> {
  const spec: JobSpec = {
    name,
    facility_id,
    software: { kind: "container", image: "debian:12-slim" },
    command: ["/bin/sh", "-c", 'printf "%s" "$GREETING" >greeting.txt; echo done'],
    environment: { GREETING: "grüß Gott" },
    outputs: [{ path: "*.txt" }],
    labels: { made_by: "openapi-fetch" },
    resources: { cpu_cores: 1 },
  };
  const headers = { "Idempotency-Key": `${name}-once` };
  return given(await client.POST("/jobs", { body: spec, params: { header: headers } }));
}

async function ended(job_id: string): Promise<Job> {
  const params = { path: { job_id }, query: { wait_seconds: 10 } };
  for (;;) {
    const job = given(await client.GET("/jobs/{job_id}", { params }));
    if (ENDED.includes(job.state)) return job;
  }
}

async function listed(): Promise<string[]> {
  const ids: string[] = [];
  let page_token: string | undefined;
  do {
    const query = { label: ["made_by=openapi-fetch"], page_size: 1, page_token };
    const page = given(await client.GET("/jobs", { params: { query } }));
    ids.push(...page.jobs.map((job) => job.id));
    page_token = page.next_page_token;
  } while (page_token !== undefined);
  return ids;
}

async function download(job_id: string): Promise<string> {
  const { results } = given(await client.GET("/jobs/{job_id}/results", { params: { path: { job_id } } }));
  assert.deepEqual(["greeting.txt"], results.map((result) => result.path));
  const path = { job_id, result_id: results[0]!.id };
  const bytes: ArrayBuffer = given(
    await client.GET("/jobs/{job_id}/results/{result_id}", { params: { path }, parseAs: "arrayBuffer" }),
  );
  return Buffer.from(bytes).toString("utf8");
}

const facility = given(await client.GET("/facilities/{facility_id}", { params: { path: { facility_id } } }));
assert(facility.conforms_to.includes("container"));

const first = await submit("first");
const second = await submit("second");
assert.equal((await submit("first")).id, first.id);
assert.equal((await ended(first.id)).state, "succeeded");
assert.deepEqual(await listed(), [second.id, first.id]);
assert.equal(await download(first.id), "grüß Gott");

const log = await client.GET("/jobs/{job_id}/logs/{stream}", {
  params: { path: { job_id: first.id, stream: "stdout" } },
  parseAs: "text",
});
assert.equal(given(log), "done\n");

await ended(second.id);
for (const job_id of [first.id, second.id]) {
  const released = await client.DELETE("/jobs/{job_id}", { params: { path: { job_id } } });
  assert.equal(released.response.status, 204);
}
const gone = await client.GET("/jobs/{job_id}", { params: { path: { job_id: first.id } } });
assert.equal(gone.error?.code, "not-found");
assert.deepEqual(await listed(), []);
console.log("released");
