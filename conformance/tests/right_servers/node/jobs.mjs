// Jobs and their tasks: their states, how they are shown, and who waits for a change of them.

import { EventEmitter } from "node:events";
import { now, stampOf } from "./clock.mjs";

export const STATES = ["pending", "queued", "running", "succeeded", "failed", "cancelled"];

const TERMINAL = new Set(["succeeded", "failed", "cancelled"]);

export function isTerminal({ state }) {
  return TERMINAL.has(state);
}

// A job emits `change` after every change of it. Its tasks' `startedAt` and `finishedAt` are by the facility's clock,
// which knows whole seconds only.
export class Job extends EventEmitter {
  constructor({ id, number, spec, specText, count, retentionSeconds }) {
    super({ captureRejections: false });
    this.setMaxListeners(0);
    Object.assign(this, { id, number, spec, specText, retentionSeconds });
    this.isArray = spec.array !== undefined;
    this.createdAt = now();
    this.updatedAt = this.createdAt;
    this.state = "pending";
    this.history = [{ state: "pending", at: stampOf(this.createdAt), attempt: 1 }];
    this.tasks = Array.from({ length: count }, (_, index) => ({ index, state: "pending", results: [], isComplete: true }));
    this.revision = 1;
  }

  // Let `alter` change the job or its tasks, and record what follows from it.
  update(alter) {
    alter(this);
    this.updatedAt = Math.max(now(), this.updatedAt + 1);
    this.revision += 1;
    const state = this.#stateOfTasks();
    if (state !== this.state) {
      this.state = state;
      this.reason = this.#reasonOfTasks();
      if (isTerminal(this)) this.endedAt = this.updatedAt;
      this.history.push({ state, at: stampOf(this.updatedAt), attempt: 1, ...(this.reason && { reason: this.reason }) });
    }
    this.emit("change");
  }

  get etag() {
    return `W/"${this.id}/${this.revision}"`;
  }

  get expiresAt() {
    return this.endedAt + this.retentionSeconds * 1000;
  }

  get isExpired() {
    return isTerminal(this) && now() >= this.expiresAt;
  }

  get isComplete() {
    return this.tasks.every((task) => task.isComplete);
  }

  get results() {
    return this.tasks.flatMap((task) => task.results);
  }

  // The facility runs in this process, so what is shown of a job that has not ended was observed right now.
  get observedAt() {
    return this.endedAt ?? now();
  }

  #stateOfTasks() {
    const are = (state) => this.tasks.some((task) => task.state === state);
    if (this.tasks.every(isTerminal)) return ["failed", "cancelled", "succeeded"].find(are);
    return this.tasks.every((task) => task.state === "pending") ? "pending" : "running";
  }

  #reasonOfTasks() {
    return isTerminal(this) ? this.tasks.find((task) => task.state === this.state).reason : undefined;
  }

  summary() {
    const started = this.tasks.filter((task) => task.startedAt !== undefined);
    const finished = this.tasks.filter((task) => task.finishedAt !== undefined);
    const hasEnded = this.tasks.every((task) => task.hasEnded);
    return withoutAbsent({
      id: this.id,
      name: this.spec.name,
      facility_id: this.spec.facility_id,
      owner: "anonymous",
      labels: this.spec.labels,
      state: this.state,
      reason: this.reason,
      attempt: 1,
      created_at: stampOf(this.createdAt),
      updated_at: stampOf(this.updatedAt),
      started_at: started.length ? this.#inOrder(Math.min(...started.map((task) => task.startedAt))) : undefined,
      finished_at:
        finished.length && (isTerminal(this) || !this.isArray)
          ? this.#inOrder(Math.max(...finished.map((task) => task.finishedAt)))
          : undefined,
      cancel_requested_at: this.cancelRequestedAt && stampOf(this.cancelRequestedAt),
      observed_at: stampOf(this.observedAt),
      stale: false,
      exit_code: this.isArray ? undefined : this.tasks[0].exitCode,
      task_counts: this.isArray ? this.#taskCounts() : undefined,
      native: hasEnded ? { state: "ended" } : undefined,
      expires_at: isTerminal(this) ? stampOf(this.expiresAt) : undefined,
    });
  }

  // The JSON text of the job in full. Its `spec` is the text that was sent, so that no number in it changes.
  fullText() {
    const text = JSON.stringify({ ...this.summary(), history: this.history });
    return `${text.slice(0, -1)},"spec":${this.specText}}`;
  }

  taskDocument(task) {
    return withoutAbsent({
      index: task.index,
      state: task.state,
      reason: task.reason,
      attempt: 1,
      started_at: task.startedAt && this.#inOrder(task.startedAt),
      finished_at: task.finishedAt && this.#inOrder(task.finishedAt),
      exit_code: task.exitCode,
      observed_at: stampOf(this.observedAt),
      native: task.hasEnded ? { state: "ended" } : undefined,
    });
  }

  #taskCounts() {
    const counts = Object.fromEntries(STATES.map((state) => [state, 0]));
    for (const task of this.tasks) counts[task.state] += 1;
    return { total: this.tasks.length, ...counts };
  }

  // A clock of whole seconds shows times before the job was there.
  #inOrder(facilityTime) {
    return stampOf(Math.max(facilityTime, this.createdAt));
  }
}

function withoutAbsent(members) {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}
