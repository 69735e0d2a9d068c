// The tasks of a job specification: their parameters, and what comes out where placeholders are replaced.

const PLACEHOLDER = /\{\{([A-Za-z_][A-Za-z0-9_]*)\}\}/g;
const SEGMENT = /^[^/\x00-\x1F\x7F-\x9F]+$/;
const PATH_CHARACTERS = 1024;

export function namesIn(template) {
  return [...template.matchAll(PLACEHOLDER)].map(([, name]) => name);
}

// Replace each placeholder once; what comes in is not looked at again. Without parameters, as in a job that is no
// array, braces stay.
export function fillIn(template, parameters = {}) {
  return template.replaceAll(PLACEHOLDER, (braces, name) => (Object.hasOwn(parameters, name) ? parameters[name] : braces));
}

export function isPath(path) {
  const segments = path.split("/");
  return (
    [...path].length <= PATH_CHARACTERS &&
    segments.every((segment) => SEGMENT.test(segment) && segment !== "." && segment !== "..")
  );
}

export function countOfTasks({ array }) {
  return array ? (array.count ?? array.parameters.length) : 1;
}

// What each task's placeholders stand for, of the first `most` tasks; a job that is no array has one without any.
export function taskParameters(spec, most) {
  if (!spec.array) return [undefined];
  const count = countOfTasks(spec);
  return Array.from({ length: Math.min(count, most) }, (_, index) => parametersOf(spec, index, count));
}

function parametersOf({ array }, index, count) {
  return { ...array.parameters?.[index], CC_TASK_INDEX: String(index), CC_TASK_COUNT: String(count) };
}

// The variables that a job sets by `environment` and by the parameters of the task.
export function variablesOf({ environment = {}, array }, index, parameters) {
  const filled = Object.entries(environment).map(([name, value]) => [name, fillIn(value, parameters)]);
  return { ...Object.fromEntries(filled), ...array?.parameters?.[index] };
}

// One task as it runs: its command, its variables, its inputs with their bytes, its outputs.
export function taskOf(spec, index) {
  const count = countOfTasks(spec);
  const parameters = spec.array && parametersOf(spec, index, count);
  return {
    command: spec.command.map((element) => fillIn(element, parameters)),
    variables: {
      ...variablesOf(spec, index, parameters),
      CC_TASK_INDEX: String(index),
      CC_TASK_COUNT: String(count),
    },
    inputs: (spec.inputs ?? []).map(({ path, executable = false, source }) => ({
      path: fillIn(path, parameters),
      executable,
      bytes: Buffer.from(source.content_base64, "base64"),
    })),
    outputs: (spec.outputs ?? []).map(({ path, required = true }) => ({ path: fillIn(path, parameters), required })),
  };
}
