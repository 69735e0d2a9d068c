// What a job demands, held against what the facility announces.

import { installed } from "./facility.mjs";
import { fault, integer, isObject, record, within } from "./shapes.mjs";
import { countOfTasks, taskParameters, variablesOf } from "./tasks.mjs";

const NEEDED = ["cpu_cores", "memory_bytes", "wall_time_seconds"];

const unsupported = (pointer, detail) => fault(pointer, detail, "unsupported-capability");
const exceeded = (pointer, detail) => fault(pointer, detail, "limit-exceeded");

// The faults that this facility finds. What has a fault of form already, among `ofForm`, is not looked at again.
export function faultsOfDemands(spec, facility, ofForm) {
  const isSound = (pointer) => !ofForm.some((one) => (one.pointer + "/").startsWith(pointer + "/"));
  if (!isObject(spec)) return [];
  if (spec.facility_id !== facility.id) {
    if (!("facility_id" in spec) || !isSound("/facility_id")) return [];
    return [fault("/facility_id", `There is no facility ${spec.facility_id}.`, "unknown-facility")];
  }
  return [
    ...ofSoftware(spec, isSound),
    ...ofInputs(spec, facility, isSound),
    ...ofOutputs(spec),
    ...ofResources(spec, facility, isSound),
    ...ofArray(spec, facility, isSound),
    ...ofEnvironment(spec, facility, isSound),
    ...ofBackendParameters(spec, isSound),
  ];
}

function* ofSoftware({ software }, isSound) {
  if (software?.kind === "container") {
    yield unsupported("/software/kind", "No containers run here; ask for installed software.");
  } else if (software?.kind === "installed" && isSound("/software")) {
    if (installed(software)) return;
    const isNameKnown = installed({ name: software.name }) !== undefined;
    const member = isNameKnown ? "version" : "name";
    yield fault(`/software/${member}`, "The catalogue has no such software; list_software gives it.", "unknown-software");
  }
}

function* ofInputs({ inputs }, { limits }, isSound) {
  if (!Array.isArray(inputs)) return;
  let bytes = 0;
  const inline = [];
  for (const [index, input] of inputs.entries()) {
    const at = `/inputs/${index}/source`;
    const { kind, content_base64: content } = isObject(input?.source) ? input.source : {};
    if (kind === "url" || kind === "storage") yield unsupported(at, "Inputs come with the request here, as inline.");
    if (kind === "inline" && isSound(at)) {
      bytes += Buffer.byteLength(content, "base64");
      inline.push(`${at}/content_base64`);
    }
  }
  if (bytes > limits.max_inline_total_bytes) {
    const at = inline.length === 1 ? inline[0] : "/inputs";
    yield exceeded(at, `Inline inputs may have ${limits.max_inline_total_bytes} bytes together and have ${bytes}.`);
  }
}

function* ofOutputs({ outputs }) {
  if (!Array.isArray(outputs)) return;
  for (const [index, output] of outputs.entries()) {
    if (isObject(output) && "destination" in output) {
      yield unsupported(`/outputs/${index}/destination`, "Results stay with the service here; leave this out.");
    }
  }
}

function* ofResources({ resources }, facility, isSound) {
  if (!isObject(resources)) return;
  const { architectures, queues } = facility;
  const queue = queues.find(({ name }) => name === (resources.queue ?? "day"));
  const choices = { architecture: architectures, queue: queues.map(({ name }) => name) };

  for (const [name, value] of Object.entries(resources)) {
    const at = within("/resources", name);
    const capability = facility.resources[name];
    if (!isSound(at)) continue;
    if (!capability) yield unsupported(at, `${name} cannot be asked for here.`);
    else if (choices[name]) {
      if (!choices[name].includes(value)) yield unsupported(at, `Known here: ${choices[name].join(", ")}.`);
    } else if (NEEDED.includes(name) && value === 0) yield fault(at, "A job cannot do without this.");
    else {
      const most = Math.min(capability.max, queue?.[`max_${name}`] ?? Infinity);
      if (value > most) yield exceeded(at, `At most ${most} can be had.`);
    }
  }
}

function* ofArray({ array }, { limits }, isSound) {
  if (array === undefined || !isSound("/array")) return;
  const count = countOfTasks({ array });
  if (count > limits.max_array_tasks) {
    const at = `/array/${"count" in array ? "count" : "parameters"}`;
    yield exceeded(at, `An array may have ${limits.max_array_tasks} tasks.`);
  }
}

function* ofEnvironment(spec, { limits }, isSound) {
  if (!isSound("/environment") || !isSound("/array")) return;
  const sizes = taskParameters(spec, limits.max_array_tasks).map((parameters, index) =>
    Object.entries(variablesOf(spec, index, parameters))
      .map(([name, value]) => Buffer.byteLength(name) + Buffer.byteLength(value))
      .reduce((sum, size) => sum + size, 0),
  );
  const largest = Math.max(...sizes);
  if (largest > limits.max_environment_bytes) {
    const at = "environment" in spec ? "/environment" : `/array/parameters/${sizes.indexOf(largest)}`;
    yield exceeded(at, `Names and values may take ${limits.max_environment_bytes} bytes and take ${largest}.`);
  }
}

const backendParameters = record({ niceness: integer(0, 19) });

function* ofBackendParameters({ backend_parameters: parameters }, isSound) {
  if (parameters === undefined || !isSound("/backend_parameters")) return;
  const faults = [];
  backendParameters(parameters, "/backend_parameters", faults);
  yield* faults;
}
