// The operations: what each of them does for a request that has passed the checks that all have in common.

import { stampOf } from "./clock.mjs";
import { faultsOfDemands } from "./demands.mjs";
import { open } from "./exchange.mjs";
import { CATALOGUE, MAX_WAIT_SECONDS, SERVICE } from "./facility.mjs";
import { holdsTag, rangeOf } from "./headers.mjs";
import { isTerminal } from "./jobs.mjs";
import { faultsOfForm } from "./job_spec.mjs";
import { pageOf } from "./listing.mjs";
import { Problem, invalid } from "./problems.mjs";

const KEY = /^[\x21-\x7E]{1,255}$/;

// The operations of a service with this facility, store and queue, by their ids. Of a request they take `headers`,
// `path`, `query`, `body`, `job` and `names`, the parts of the path; `gone` is a promise for when the client goes.
export function operationsOf({ facility, store, queue }) {
  function faultsOfSpec({ body }) {
    const ofForm = faultsOfForm(body.value, facility.limits.max_array_tasks);
    return [...ofForm, ...faultsOfDemands(body.value, facility, ofForm)];
  }

  return {
    get_service_info: () => ({ status: 200, json: SERVICE }),

    get_health: () => ({ status: 200, json: { status: "pass" } }),

    list_facilities: () => ({ status: 200, json: { facilities: [facility] } }),

    get_facility: () => ({ status: 200, json: facility }),

    list_software(request) {
      const { name } = request.query.values;
      const entries = CATALOGUE.filter((entry) => name === undefined || entry.name === name);
      const { page, next } = pageOf(entries, (entry) => CATALOGUE.indexOf(entry), request);
      return { status: 200, json: { software: page, ...next } };
    },

    submit_job(request) {
      const key = request.headers["idempotency-key"];
      const isKey = key === undefined || KEY.test(key);
      const used = key !== undefined && isKey ? store.use(key, request.body) : undefined;
      if (used) return answerToUsed(used);
      const faults = [...request.query.faults, ...faultsOfSpec(request)];
      if (!isKey) {
        const detail = "A key has 1 to 255 visible ASCII characters.";
        faults.unshift({ header: "Idempotency-Key", detail, code: "invalid-request" });
      }
      if (faults.length) throw invalid(faults);
      const job = store.add(request.body, request.bodyText, key);
      queue.add(job);
      // A relative reference, which a client resolves against the URL that it sent the job to.
      return { status: 201, headers: { Location: `jobs/${job.id}` }, text: job.fullText() };
    },

    validate_job(request) {
      const errors = faultsOfSpec(request);
      return { status: 200, json: { valid: errors.length === 0, errors } };
    },

    list_jobs(request) {
      const { values } = request.query;
      const jobs = store.all().filter((job) => isWanted(job, values));
      const { page, next } = pageOf(jobs, (job) => -job.number, request);
      return { status: 200, json: { jobs: page.map((job) => job.summary()), ...next } };
    },

    async get_job(request) {
      const { job, headers } = request;
      const tags = headers["if-none-match"];
      const isKnown = () => tags !== undefined && holdsTag(tags, job.etag);
      const seconds = request.query.values.wait_seconds;
      if (seconds !== undefined) {
        const { state } = job;
        const isDifferent = tags === undefined ? () => job.state !== state : () => !isKnown();
        await change(job, isDifferent, Math.min(seconds, MAX_WAIT_SECONDS), request.gone);
      }
      const answered = { headers: { ETag: job.etag } };
      return isKnown() ? { status: 304, ...answered } : { status: 200, ...answered, text: job.fullText() };
    },

    cancel_job({ job }) {
      if (isTerminal(job)) return { status: 200, text: job.fullText() };
      if (job.cancelRequestedAt === undefined) queue.cancel(job);
      return { status: 202, text: job.fullText() };
    },

    release_job({ job }) {
      if (!isTerminal(job)) throw new Problem("job-not-terminal", "The job goes on; cancel it or wait for its end.");
      store.release(job);
      queue.forget(job).catch(console.error);
      return { status: 204 };
    },

    list_tasks(request) {
      const { state: states } = request.query.values;
      const tasks = request.job.tasks.filter((task) => !states || states.includes(task.state));
      const { page, next } = pageOf(tasks, (task) => task.index, request);
      return { status: 200, json: { tasks: page.map((task) => request.job.taskDocument(task)), ...next } };
    },

    list_results(request) {
      const { job } = request;
      refuseUnlessKept(job);
      const { task_index: index } = request.query.values;
      const all = job.results;
      const wanted = index === undefined ? all : (job.tasks[index]?.results ?? []);
      const { page, next } = pageOf(wanted, (result) => all.indexOf(result), request);
      const results = page.map(({ copy: _, ...result }) => result);
      return { status: 200, json: { complete: job.isComplete, results, ...next } };
    },

    async get_result({ job, names, headers }) {
      refuseUnlessKept(job);
      const result = job.results.find(({ id }) => id === names.result_id);
      if (!result) throw new Problem("not-found", "The job has no such result; list_results gives them.");
      const name = encodeURIComponent(result.path.split("/").at(-1)).replace(/['()*]/g, percentEncoded);
      return bytesOf(await open(result.copy), headers, `"${result.sha256}"`, {
        "Content-Type": result.media_type,
        "Content-Disposition": `attachment; filename*=UTF-8''${name}`,
        ETag: `"${result.sha256}"`,
      });
    },

    async get_log({ job, names, headers, query }) {
      if (job.isExpired) throw expired(job);
      const task = job.tasks[query.values.task_index ?? 0];
      if (!task) throw new Problem("not-found", `The job has ${job.tasks.length} tasks, and their indices begin with 0.`);
      const log = await open(queue.logOf(job, task, names.stream)).catch(() => undefined);
      // Of a task that has not started, or never will, there is no file.
      if (!log) return bytesOf(await open("/dev/null"), headers, undefined, { "Content-Type": "text/plain" });
      return bytesOf(log, headers, undefined, { "Content-Type": "text/plain" });
    },
  };
}

function isWanted(job, { state: states, facility_id: facility, label: labels = [], created_after, updated_after }) {
  return (
    (!states || states.includes(job.state)) &&
    (facility === undefined || job.spec.facility_id === facility) &&
    labels.every(([key, value]) => job.spec.labels && Object.hasOwn(job.spec.labels, key) && job.spec.labels[key] === value) &&
    (created_after === undefined || job.createdAt * 1000 > created_after) &&
    (updated_after === undefined || job.updatedAt * 1000 > updated_after)
  );
}

function answerToUsed({ job, isSameBody, isReleased, freeAt }) {
  const about = (detail) => ({ errors: [{ header: "Idempotency-Key", detail }] });
  if (!isSameBody) {
    const detail = "Another body was sent with this key; take a new key.";
    throw new Problem("idempotency-key-reused", detail, about(detail));
  }
  if (isReleased) {
    const detail = `The job of this key was released. The key is free again at ${stampOf(freeAt)}.`;
    throw new Problem("job-released", detail, about(detail));
  }
  return { status: 200, headers: { "Idempotency-Replayed": "true" }, text: job.fullText() };
}

// What encodeURIComponent leaves, and a file name of RFC 8187 may not have.
function percentEncoded(character) {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}

// Wait until there is a difference, the job has ended, the time is over, or the client is gone.
async function change(job, isDifferent, seconds, gone) {
  if (isTerminal(job) || isDifferent()) return;
  let timer;
  let look;
  await Promise.race([
    gone,
    new Promise((resolve) => (timer = setTimeout(resolve, seconds * 1000))),
    new Promise((resolve) => {
      look = () => (isTerminal(job) || isDifferent()) && resolve();
      job.on("change", look);
    }),
  ]);
  clearTimeout(timer);
  job.off("change", look);
}

function expired(job) {
  return new Problem("result-expired", `Results and logs were kept until ${stampOf(job.expiresAt)}.`);
}

function refuseUnlessKept(job) {
  if (!isTerminal(job)) throw new Problem("results-not-ready", "The job goes on; its results are there once it has ended.");
  if (job.isExpired) throw expired(job);
}

// The answer with the bytes of an open file, or with the part that the request asks for.
async function bytesOf({ handle, size }, requestHeaders, etag, headers) {
  const range = rangeOf(requestHeaders, size, etag);
  if (range === "none") {
    await handle.close();
    const detail = `There are ${size} bytes, and the range begins behind them.`;
    throw new Problem("range-not-satisfiable", detail, { headers: { "Content-Range": `bytes */${size}` } });
  }
  const { start, end } = range ?? { start: 0, end: size - 1 };
  return {
    status: range ? 206 : 200,
    headers: {
      ...headers,
      "X-Content-Type-Options": "nosniff",
      "Accept-Ranges": "bytes",
      ...(range && { "Content-Range": `bytes ${start}-${end}/${size}` }),
    },
    file: { handle, start, end },
  };
}
