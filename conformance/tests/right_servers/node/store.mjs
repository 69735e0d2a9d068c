// Keeps the jobs and the idempotency keys, in memory.

import { createHmac, randomBytes } from "node:crypto";
import { now } from "./clock.mjs";
import { Job, isTerminal } from "./jobs.mjs";
import { countOfTasks } from "./tasks.mjs";

const KEY_HOLDS_MILLISECONDS = 24 * 3600 * 1000;

export class Store {
  #jobs = new Map();
  #keys = new Map();
  #secret = randomBytes(32);
  #submitted = 0;

  constructor(retentionSeconds) {
    this.retentionSeconds = retentionSeconds;
  }

  // Keep a new job of `body`, as readJson gave it, under `key` if there is one.
  add(body, specText, key) {
    this.#submitted += 1;
    const job = new Job({
      id: `w-${randomBytes(15).toString("hex")}`,
      number: this.#submitted,
      spec: body.value,
      specText,
      count: countOfTasks(body.value),
      retentionSeconds: this.retentionSeconds,
    });
    this.#jobs.set(job.id, job);
    if (key !== undefined) this.#keys.set(key, { digest: this.#digest(body), job, isReleased: false });
    return job;
  }

  find(id) {
    return this.#jobs.get(id);
  }

  // Newest first.
  all() {
    return [...this.#jobs.values()].reverse();
  }

  release(job) {
    this.#jobs.delete(job.id);
    for (const entry of this.#keys.values()) {
      if (entry.job === job) entry.isReleased = true;
    }
  }

  // What the key was used for: undefined, or {job, isSameBody, isReleased, freeAt}.
  use(key, body) {
    const entry = this.#keys.get(key);
    if (!entry) return undefined;
    const freeAt = entry.job.createdAt + KEY_HOLDS_MILLISECONDS;
    if (entry.isReleased && now() >= freeAt) {
      this.#keys.delete(key);
      return undefined;
    }
    return { job: entry.job, isReleased: entry.isReleased, isSameBody: entry.digest === this.#digest(body), freeAt };
  }

  // Release the jobs that nobody released in twice the time that results are kept, and return them; forget the keys
  // that are free again.
  sweep() {
    const isOver = (job) => isTerminal(job) && now() >= job.endedAt + 2 * this.retentionSeconds * 1000;
    const over = this.all().filter(isOver);
    for (const job of over) this.release(job);
    for (const key of this.#keys.keys()) this.use(key, { canonical: "" });
    return over;
  }

  #digest({ canonical }) {
    return createHmac("sha256", this.#secret).update(canonical).digest("hex");
  }
}
