// Reads the parameters of a query, and finds all their faults.

import { microsecondsOf } from "./clock.mjs";
import { STATES } from "./jobs.mjs";

// Each parameter has `read`, which gives its value or undefined where there is none in the text, and `says`, what the
// text has to be. Those with `repeats` give a list.
const integer = (least, most) => ({
  says: `an integer between ${least} and ${most}`,
  read: (text) => {
    const isThere = /^[0-9]+$/.test(text) && Number(text) >= least && Number(text) <= most;
    return isThere ? Number(text) : undefined;
  },
});

const time = { says: "a time such as 2026-03-01T12:00:00Z", read: microsecondsOf };
const anything = { says: "text", read: (text) => text };

export const state = {
  repeats: true,
  says: `one of ${STATES.join(", ")}`,
  read: (text) => (STATES.includes(text) ? text : undefined),
};

export const paging = {
  page_size: integer(1, 1000),
  page_token: { says: "the next_page_token of the page before", read: (text) => text || undefined },
};

export const parameters = {
  get_job: { wait_seconds: integer(1, Number.MAX_SAFE_INTEGER) },
  list_software: { name: anything, ...paging },
  list_jobs: {
    state,
    facility_id: anything,
    label: {
      repeats: true,
      says: "key=value, with a key that a label can have",
      read: (text) => /^([A-Za-z0-9._/-]{1,63})=([^\x00-\x1F\x7F-\x9F]{0,255})$/u.exec(text)?.slice(1),
    },
    created_after: time,
    updated_after: time,
    ...paging,
  },
  list_tasks: { state, ...paging },
  list_results: { task_index: integer(0, Number.MAX_SAFE_INTEGER), ...paging },
  get_log: { task_index: integer(0, Number.MAX_SAFE_INTEGER) },
};

// The values and the faults of a query, the part of a URL behind the question mark. `filters` are the parameters that
// say what a list is of, in one form for all orders in which they may stand.
export function readQuery(query, known = {}) {
  const values = {};
  const faults = [];
  const filters = [];
  const add = (parameter, detail) => faults.push({ parameter, detail, code: "invalid-request" });

  for (const pair of query.split("&").filter((one) => one !== "")) {
    const [rawName, ...rest] = pair.split("=");
    const name = decoded(rawName) ?? rawName;
    const text = decoded(rest.join("="));
    const parameter = Object.hasOwn(known, name) ? known[name] : undefined;
    const value = text === undefined ? undefined : parameter?.read(text);
    if (!parameter) add(name, "This operation has no such parameter.");
    else if (!parameter.repeats && name in values) add(name, "This parameter may not be repeated.");
    else if (value === undefined) add(name, `This has to be ${parameter.says}.`);
    if (parameter) values[name] = parameter.repeats ? [...(values[name] ?? []), value] : value;
    if (!Object.hasOwn(paging, name)) filters.push(`${name}=${text}`);
  }
  return { values, faults, filters: filters.sort().join("&") };
}

function decoded(text) {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return undefined;
  }
}
