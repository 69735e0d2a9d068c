// Collects the files that a task left, before its directory is removed.

import { createHash } from "node:crypto";
import fs from "node:fs/promises";
import path from "node:path";
import { matcher } from "./globs.mjs";

// Copy what matches the outputs into the directory `results`. Gives the results, and whether each required output has
// matched something.
export async function collect(task, { work, results, outputs, isArray }) {
  const wanted = outputs.map(({ path: glob, required }) => ({ required, isMatch: matcher(glob), found: 0 }));
  const kept = [];
  if (wanted.length === 0) return { kept, isComplete: true };
  await fs.mkdir(results, { recursive: true });
  for await (const file of regularFiles(work, "")) {
    const matching = wanted.filter(({ isMatch }) => isMatch(file));
    if (matching.length === 0) continue;
    for (const output of matching) output.found += 1;
    const copy = path.join(results, String(kept.length));
    kept.push({
      id: `${task.index}.${kept.length}~${path.basename(results)}`,
      path: file,
      copy,
      ...(await keep(path.join(work, file), copy)),
      media_type: "application/octet-stream",
      ...(isArray && { task_index: task.index }),
    });
  }
  return { kept, isComplete: wanted.every(({ required, found }) => !required || found > 0) };
}

// The paths of all regular files below, by name. Symbolic links are neither, so they are passed by.
async function* regularFiles(root, below) {
  const directory = path.join(root, below);
  await fs.chmod(directory, 0o700);
  const entries = await fs.readdir(directory, { withFileTypes: true });
  entries.sort((one, other) => (one.name < other.name ? -1 : 1));
  for (const entry of entries) {
    const name = below ? `${below}/${entry.name}` : entry.name;
    if (entry.isDirectory()) yield* regularFiles(root, name);
    // A name that is no UTF-8 has lost bytes in reading, and no path of this API can name it.
    else if (entry.isFile() && !entry.name.includes("\uFFFD")) yield name;
  }
}

// Copy a file, so that nothing that still has it open changes what was kept.
async function keep(from, to) {
  await fs.chmod(from, 0o600);
  await fs.copyFile(from, to);
  const digest = createHash("sha256");
  const file = await fs.open(to);
  let size = 0;
  for await (const chunk of file.createReadStream()) {
    digest.update(chunk);
    size += chunk.length;
  }
  return { size_bytes: size, sha256: digest.digest("hex") };
}

// Remove a directory with all that is in it, also where a command took the permissions away.
export async function remove(directory) {
  try {
    await fs.rm(directory, { recursive: true, force: true });
  } catch {
    for await (const _ of regularFiles(directory, "")); // makes each directory writable on its way
    await fs.rm(directory, { recursive: true, force: true });
  }
}
