// Runs the tasks of jobs in the order in which they came, some at once, and tells the jobs what becomes of them.

import fs from "node:fs/promises";
import path from "node:path";
import { now } from "./clock.mjs";
import { installed } from "./facility.mjs";
import { collect, remove } from "./outputs.mjs";
import { Command } from "./processes.mjs";
import { taskOf } from "./tasks.mjs";

const AT_ONCE = 8;
const DEFAULT_WALL_TIME_SECONDS = 600;
const NOT_FOUND = new Set(["ENOENT", "EACCES", "ENOTDIR", "ENOEXEC", "ELOOP", "ENAMETOOLONG", "EISDIR"]);
const DETAILS = {
  "exit-nonzero": "The command ended with another code than 0.",
  "wall-time-exceeded": "The time was over.",
  "cancelled-by-user": "You asked for it.",
};

export class FacilityQueue {
  #waiting = [];
  #running = new Set();

  constructor(root) {
    this.root = root;
  }

  add(job) {
    this.#waiting.push(...job.tasks.map((task) => ({ job, task })));
    setImmediate(() => this.#startNext());
  }

  // Cancel what has not ended of a job. What waits never starts.
  cancel(job) {
    job.update(() => {
      job.cancelRequestedAt = now();
      for (const task of job.tasks.filter((one) => one.state === "pending" && !one.isTaken)) {
        Object.assign(task, cancelled());
        task.isComplete = !job.spec.outputs?.some(({ required = true }) => required);
      }
    });
    this.#waiting = this.#waiting.filter((entry) => entry.job !== job);
    for (const entry of this.#running) {
      if (entry.job === job && !entry.verdict && !entry.command?.hasExited) {
        entry.verdict = cancelled();
        entry.command?.stop();
      }
    }
  }

  logOf(job, task, stream) {
    return path.join(this.#directoryOf(job, task), stream);
  }

  // Remove what a job left.
  async forget(job) {
    await remove(path.join(this.root, job.id));
  }

  // Kill everything that runs, and wait for its end.
  async stop() {
    this.#waiting = [];
    const running = [...this.#running];
    for (const entry of running) {
      entry.verdict ??= cancelled();
      entry.command?.kill();
    }
    await Promise.all(running.map(({ done }) => done));
  }

  #directoryOf(job, task) {
    return path.join(this.root, job.id, String(task.index));
  }

  #startNext() {
    while (this.#running.size < AT_ONCE && this.#waiting.length > 0) {
      const entry = this.#waiting.shift();
      entry.task.isTaken = true;
      this.#running.add(entry);
      entry.done = this.#run(entry).finally(() => {
        this.#running.delete(entry);
        this.#startNext();
      });
    }
  }

  async #run(entry) {
    const { job, task } = entry;
    const plan = taskOf(job.spec, task.index);
    const directory = this.#directoryOf(job, task);
    let outcome;
    try {
      await lay(directory, plan.inputs);
      outcome = await this.#execute(entry, plan, directory);
      const work = path.join(directory, "work");
      const results = path.join(directory, "results");
      const { kept, isComplete } = await collect(task, { work, results, outputs: plan.outputs, isArray: job.isArray });
      Object.assign(task, { results: kept, isComplete });
      if (outcome.state === "succeeded" && !isComplete) outcome = failed("output-missing", { exitCode: 0 });
    } catch (error) {
      console.error(error);
      outcome = failed("internal");
      task.isComplete = !plan.outputs.some(({ required }) => required);
    }
    await Promise.all(["work", "tmp"].map((name) => remove(path.join(directory, name)))).catch(console.error);
    job.update(() => Object.assign(task, outcome));
  }

  async #execute(entry, plan, directory) {
    const { job, task } = entry;
    if (entry.verdict) return entry.verdict;
    const variables = { ...settingsOf(job, directory), ...plan.variables, CC_JOB_ID: job.id };
    const niceness = job.spec.backend_parameters?.niceness;
    const command = new Command({ directory, argv: plan.command, variables, niceness });
    try {
      await command.start();
    } catch (error) {
      return failed(NOT_FOUND.has(error.code) ? "command-not-found" : "submission-rejected", { detail: error.message });
    }
    entry.command = command;
    job.update(() => Object.assign(task, { state: "running", startedAt: facilityTime() }));
    if (entry.verdict) command.stop();
    const timer = setTimeout(
      () => {
        if (!command.hasExited) entry.verdict ??= failed("wall-time-exceeded");
        command.kill();
      },
      (job.spec.resources?.wall_time_seconds ?? DEFAULT_WALL_TIME_SECONDS) * 1000,
    );
    const exitCode = await command.end();
    clearTimeout(timer);
    job.update(() => Object.assign(task, { finishedAt: facilityTime(), exitCode, hasEnded: true }));
    if (entry.verdict) return entry.verdict;
    return exitCode === 0 ? { state: "succeeded" } : failed("exit-nonzero");
  }
}

// The clock of this facility knows whole seconds.
function facilityTime() {
  return now() - (now() % 1000);
}

function settingsOf({ spec }, directory) {
  return {
    PATH: "/usr/local/bin:/usr/bin:/bin",
    LANG: "C.UTF-8",
    HOME: path.join(directory, "work"),
    TMPDIR: path.join(directory, "tmp"),
    ...installed(spec.software).variables,
  };
}

async function lay(directory, inputs) {
  const work = path.join(directory, "work");
  await fs.mkdir(work, { recursive: true, mode: 0o700 });
  await fs.mkdir(path.join(directory, "tmp"), { mode: 0o700 });
  for (const { path: name, bytes, executable } of inputs) {
    const file = path.join(work, name);
    await fs.mkdir(path.dirname(file), { recursive: true });
    await fs.writeFile(file, bytes);
    await fs.chmod(file, executable ? 0o755 : 0o644);
  }
}

function cancelled() {
  return { state: "cancelled", reason: { code: "cancelled-by-user", detail: DETAILS["cancelled-by-user"] } };
}

function failed(code, { detail = DETAILS[code], ...rest } = {}) {
  return { state: "failed", reason: { code, ...(detail && { detail }) }, ...rest };
}
