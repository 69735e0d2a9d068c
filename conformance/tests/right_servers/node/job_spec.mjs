// The form of a job specification: what can be judged of it without knowing the facility.

import { boolean, byKind, fault, integer, isObject, list, map, noNulls, oneOf, record, text, within } from "./shapes.mjs";
import { fillIn, isPath, namesIn, taskParameters } from "./tasks.mjs";

const METADATA_BYTES = 65536;

const shortText = text(
  "1 to 255 characters without control characters", /^[^\x00-\x1F\x7F-\x9F]{1,255}$/u,
);
const identifier = text("an id", /^[A-Za-z0-9][A-Za-z0-9._~-]{0,63}$/);
const noNul = text("free of NUL characters", /^[^\x00]*$/);
const sha256 = text("64 lower-case hexadecimal digits", /^[0-9a-f]{64}$/);
const url = text(
  "an absolute URL in visible ASCII characters",
  /^(?:[A-Za-z][A-Za-z0-9+.-]*:|\{\{[A-Za-z_][A-Za-z0-9_]*\}\})[\x21-\x7E]*$/,
  4096,
);
const base64 = text(
  "base64 with padding and without line breaks",
  /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/,
);
const imageReference = text(
  "an OCI image reference",
  new RegExp(
    "^(?:(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\\[[0-9A-Fa-f:]+\\])(?::[0-9]{1,5})?/)?" +
      "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*)*" +
      "(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?" +
      "(?:@[a-z0-9]+(?:[+._-][a-z0-9]+)*:[0-9A-Fa-f]{32,128})?$",
  ),
  512,
);

function relativePath(value, at, faults) {
  if (typeof value !== "string") faults.push(fault(at, "This has to be a string."));
  else if (!isPath(value)) {
    faults.push(fault(at, "This has to be a relative path without an empty, . or .. segment."));
  }
}

const always = (kind) => oneOf(kind);

function container(value, at, faults) {
  const archive = record({ url, sha256, format: oneOf("sif", "docker-archive", "oci-archive") }, ["url", "sha256", "format"]);
  record({ kind: always("container"), image: imageReference, image_archive: archive })(value, at, faults);
  if ("image" in value === "image_archive" in value) {
    faults.push(fault(at, "A container has either an image or an image_archive."));
  }
}

const software = byKind({
  container,
  installed: record({ kind: always("installed"), name: shortText, version: shortText }, ["kind", "name"]),
});

const source = byKind({
  inline: record({ kind: always("inline"), content_base64: base64 }, ["kind", "content_base64"]),
  url: record({ kind: always("url"), url, sha256 }, ["kind", "url"]),
  storage: record({ kind: always("storage"), storage: shortText, path: relativePath }, ["kind", "storage", "path"]),
});

const nameOfVariable = /^(?!CC_)[A-Za-z_][A-Za-z0-9_]*$/;
const saysVariable = "a name of an environment variable that does not begin with CC_";

function array(value, at, faults) {
  const parameters = list(map(saysVariable, nameOfVariable, noNul, { least: 1 }), 1);
  record({ count: integer(1), parameters })(value, at, faults);
  if (isObject(value) && "count" in value === "parameters" in value) {
    faults.push(fault(at, "An array has either a count or parameters."));
  }
}

function metadata(value, at, faults) {
  if (!isObject(value)) faults.push(fault(at, "This has to be an object."));
  else if (Buffer.byteLength(JSON.stringify(value)) > METADATA_BYTES) {
    faults.push(fault(at, `This may take ${METADATA_BYTES} bytes as compact JSON.`));
  }
}

function backendParameters(value, at, faults) {
  if (!isObject(value)) faults.push(fault(at, "This has to be an object."));
  else noNulls(value, at, faults);
}

const members = {
  name: shortText,
  facility_id: identifier,
  software,
  command: list(noNul, 1),
  environment: map(saysVariable, nameOfVariable, noNul),
  inputs: list(record({ path: relativePath, executable: boolean, source }, ["path", "source"])),
  outputs: list(record({ path: relativePath, required: boolean, destination: record({ url }, ["url"]) }, ["path"])),
  resources: record({
    cpu_cores: integer(0),
    memory_bytes: integer(0),
    wall_time_seconds: integer(0),
    gpus: integer(0),
    architecture: shortText,
    queue: shortText,
    site: shortText,
  }),
  array,
  project: shortText,
  labels: map(
    "1 to 63 letters, digits, dots, underscores, slashes and hyphens",
    /^[A-Za-z0-9._/-]{1,63}$/,
    text("up to 255 characters without control characters", /^[^\x00-\x1F\x7F-\x9F]{0,255}$/u),
    { most: 64 },
  ),
  metadata,
  backend_parameters: backendParameters,
};

const shape = record(members, ["facility_id", "software", "command"]);

// Every fault of form in what was sent as a job specification. An array's tasks are looked at one by one only while
// there are at most `mostTasks` of them: what is above that limit is refused anyway.
export function faultsOfForm(spec, mostTasks) {
  const faults = [];
  shape(spec, "", faults);
  if (!isObject(spec)) return faults;
  if (spec.command?.[0] === "") faults.push(fault("/command/0", "The program to run has no name."));
  if (isObject(spec.array)) {
    faultsOfParameters(spec, faults);
    faultsOfPlaceholders(spec, faults);
  }
  const isArraySound = !faults.some(({ pointer }) => pointer.startsWith("/array"));
  faultsOfTasks(spec, isArraySound ? taskParameters(spec, mostTasks) : [undefined], faults);
  return faults;
}

// What follows looks at what may be faulty in itself: it takes the parts that have the form they should have.
const entriesOf = (value) => (Array.isArray(value) ? value : []);
const membersOf = (value) => (isObject(value) ? value : {});

function faultsOfParameters({ array, environment }, faults) {
  const entries = entriesOf(array.parameters);
  const names = new Set(Object.keys(membersOf(entries[0])));
  entries.forEach((entry, index) => {
    const at = `/array/parameters/${index}`;
    const own = Object.keys(membersOf(entry));
    if (own.length !== names.size || own.some((name) => !names.has(name))) {
      faults.push(fault(at, `Each entry has the names of the first: ${[...names].join(", ")}.`));
    }
    for (const name of own.filter((one) => Object.hasOwn(membersOf(environment), one))) {
      faults.push(fault(within(at, name), `environment sets ${name} already.`));
    }
  });
}

function faultsOfPlaceholders(spec, faults) {
  const names = Object.keys(membersOf(entriesOf(spec.array.parameters)[0]));
  const known = new Set([...names, "CC_TASK_INDEX", "CC_TASK_COUNT"]);
  for (const [at, template] of templatesOf(spec)) {
    if (typeof template !== "string") continue;
    for (const name of namesIn(template).filter((one) => !known.has(one))) {
      faults.push(fault(at, `{{${name}}} names no parameter of the array.`));
    }
  }
}

function* templatesOf({ command, environment, inputs, outputs }) {
  for (const [index, element] of entriesOf(command).entries()) yield [`/command/${index}`, element];
  for (const [name, value] of Object.entries(membersOf(environment))) yield [within("/environment", name), value];
  for (const [index, input] of entriesOf(inputs).entries()) {
    yield [`/inputs/${index}/path`, input?.path];
    yield [`/inputs/${index}/source/url`, input?.source?.url];
  }
  for (const [index, output] of entriesOf(outputs).entries()) yield [`/outputs/${index}/path`, output?.path];
}

// What replacement can break: a path that leaves the directory, two inputs in one place, a program without a name.
function faultsOfTasks({ command, inputs, outputs }, parametersOfTasks, faults) {
  const pathsOf = (list, member) =>
    entriesOf(list)
      .map((entry, index) => [`/${member}/${index}/path`, entry?.path])
      .filter(([, path]) => typeof path === "string" && isPath(path));
  const [inputPaths, outputPaths] = [pathsOf(inputs, "inputs"), pathsOf(outputs, "outputs")];
  const program = entriesOf(command)[0];
  const faulty = new Map();
  const add = (at, detail) => faulty.set(at, fault(at, detail));

  for (const parameters of parametersOfTasks) {
    const taken = new Map();
    for (const [at, path] of [...inputPaths, ...outputPaths]) {
      if (!isPath(fillIn(path, parameters))) add(at, "In a task this is no relative path any more.");
    }
    for (const [at, path] of inputPaths) {
      const filled = fillIn(path, parameters);
      if (taken.has(filled)) add(at, "Another input has this path.");
      taken.set(filled, at);
    }
    for (const path of taken.keys()) {
      for (let end = path.indexOf("/"); end >= 0; end = path.indexOf("/", end + 1)) {
        const file = taken.get(path.slice(0, end));
        if (file) add(file, "This path is the directory of another input.");
      }
    }
    if (program && typeof program === "string" && fillIn(program, parameters) === "") {
      add("/command/0", "In a task the program to run has no name.");
    }
  }
  faults.push(...faulty.values());
}
