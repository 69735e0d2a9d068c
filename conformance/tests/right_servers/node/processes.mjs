// Runs one command as a process of its own, and writes what it says into two log files.

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";

const GRACE_MILLISECONDS = 1000;
const { O_NONBLOCK, O_RDONLY, O_WRONLY } = fs.constants;

// Node hands this variable on to every process, whatever environment that is to have.
delete process.env.NODE_V8_COVERAGE;

export class Command {
  #child;

  // `directory` exists and holds the directories `work` and `tmp`. `variables` is the whole environment.
  constructor({ directory, argv, variables, niceness }) {
    Object.assign(this, { directory, argv, variables, niceness });
  }

  // Start it. Resolves once it runs; rejects with the system's error if it cannot be executed.
  async start() {
    const streams = await Promise.all(["stdout", "stderr"].map((name) => openPipe(this.directory, name)));
    const [program, ...rest] = this.argv;
    try {
      this.#child = spawn(program, rest, {
        cwd: path.join(this.directory, "work"),
        env: this.variables,
        detached: true,
        stdio: ["ignore", streams[0].writer, streams[1].writer],
      });
    } finally {
      for (const { writer } of streams) fs.closeSync(writer);
    }
    this.streamsEnd = Promise.all(streams.map(({ end }) => end));
    this.streams = streams;
    if (this.#child.pid === undefined) {
      const [error] = await once(this.#child, "error");
      await this.streamsEnd;
      throw error;
    }
    this.exit = once(this.#child, "exit");
    if (this.niceness) os.setPriority(this.#child.pid, this.niceness);
  }

  // Wait until the command and all that it left in its process group are gone, and everything that they said is in
  // the log files. Gives the exit code, or 128 and the signal's number.
  async end() {
    const [code, signal] = await this.exit;
    this.#signal("SIGKILL");
    for (let tries = 0; tries < 50 && this.#signal(0); tries += 1) await delay(10);
    // A process that made a session of its own may still hold the pipes.
    await Promise.race([this.streamsEnd, delay(GRACE_MILLISECONDS, undefined, { ref: false })]);
    for (const { reader } of this.streams) reader.destroy();
    await this.streamsEnd;
    return code ?? 128 + os.constants.signals[signal];
  }

  // Ask it to end, and make it end if it does not.
  stop() {
    this.#signal("SIGTERM");
    setTimeout(() => this.kill(), GRACE_MILLISECONDS).unref();
  }

  kill() {
    if (!this.hasExited) this.#signal("SIGKILL");
  }

  get hasExited() {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  // Whether there was somebody to get the signal.
  #signal(signal) {
    try {
      return process.kill(-this.#child.pid, signal);
    } catch {
      return false;
    }
  }
}

// A named pipe, because Node's own pipes are sockets, which a command cannot open as /dev/stdout. `end` resolves when
// all that came is in the file.
async function openPipe(directory, name) {
  const pipe = path.join(directory, `${name}.pipe`);
  await promisify(execFile)("mkfifo", ["-m", "600", pipe]);
  const fd = fs.openSync(pipe, O_RDONLY | O_NONBLOCK);
  const writer = fs.openSync(pipe, O_WRONLY);
  fs.unlinkSync(pipe);
  const log = fs.openSync(path.join(directory, name), "a");
  const reader = new net.Socket({ fd, readable: true, writable: false });
  reader.on("data", (bytes) => fs.writeSync(log, bytes));
  const end = once(reader, "close").then(() => fs.closeSync(log));
  return { writer, reader, end };
}
