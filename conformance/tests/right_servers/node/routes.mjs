// The paths of the API: finds the operation of a request, makes the checks that all operations have in common, in the
// order that the contract gives, and calls it.

import { acceptsJson, isJsonType } from "./headers.mjs";
import { NotJson, readJson } from "./json.mjs";
import { parameters, readQuery } from "./parameters.mjs";
import { Problem, invalid } from "./problems.mjs";

const BASE = "/v1";

const ROUTES = [
  ["/service-info", { GET: "get_service_info" }],
  ["/health", { GET: "get_health" }],
  ["/facilities", { GET: "list_facilities" }],
  ["/facilities/:facility_id", { GET: "get_facility" }],
  ["/facilities/:facility_id/software", { GET: "list_software" }],
  ["/facilities/:facility_id/credential", { GET: "get_credential", PUT: "put_credential", DELETE: "delete_credential" }],
  ["/jobs", { GET: "list_jobs", POST: "submit_job" }],
  ["/jobs/validate", { POST: "validate_job" }],
  ["/jobs/:job_id", { GET: "get_job", DELETE: "release_job" }],
  ["/jobs/:job_id/cancel", { POST: "cancel_job" }],
  ["/jobs/:job_id/tasks", { GET: "list_tasks" }],
  ["/jobs/:job_id/results", { GET: "list_results" }],
  ["/jobs/:job_id/results/:result_id", { GET: "get_result" }],
  ["/jobs/:job_id/logs/:stream", { GET: "get_log" }],
].map(([path, methods]) => ({
  expression: new RegExp(`^${path.replaceAll(/:(\w+)/g, "(?<$1>[^/]+)").replace("<stream>[^/]+", "<stream>stdout|stderr")}$`),
  methods,
}));

const WITHOUT_JSON = new Set(["get_result", "get_log", "release_job", "delete_credential"]);
const WITH_BODY = new Set(["submit_job", "validate_job", "put_credential"]);
// These gather further faults themselves before they refuse.
const WITH_OWN_FAULTS = new Set(["submit_job", "get_log"]);

// The operation of a method and a target, as {id, names, path, query}. Throws the 404 and the 405.
export function routeOf(method, target) {
  const { path, query } = split(target);
  const found = ROUTES.map((route) => ({ ...route, match: route.expression.exec(path) })).find(({ match }) => match);
  if (!found) throw new Problem("not-found", "This API has no such path.");
  const allowed = Object.keys(found.methods).flatMap((one) => (one === "GET" ? ["GET", "HEAD"] : [one]));
  const allow = { Allow: [...allowed, "OPTIONS"].join(", ") };
  if (method === "OPTIONS") return { options: allow };
  const id = found.methods[method === "HEAD" ? "GET" : method];
  if (!id) {
    throw new Problem("method-not-allowed", `This path has ${allow.Allow}, not ${method}.`, { headers: allow });
  }
  return { id, names: { ...found.match.groups }, path, query };
}

// The path without the base, decoded, and the query. A proxy may send the whole URL (RFC 9112, section 3.2.2).
function split(target) {
  const [, path, query = ""] = /^(?:https?:\/\/[^/?]*)?([^?#]*)(?:\?([^#]*))?/i.exec(target);
  if (!path.startsWith(`${BASE}/`)) return { path: "", query };
  try {
    // A slash that is part of an id is written %2F, and no id has one.
    return { path: decodeURIComponent(path.slice(BASE.length).replace(/%2f/gi, "%252F")), query };
  } catch {
    return { path: "", query };
  }
}

// Answer a request whose `body` is read already; it is undefined if it was larger than allowed.
export async function answer(service, operations, { method, target, headers, body, gone }) {
  const { options, id, names, path, query: rawQuery } = routeOf(method, target);
  if (options) return { status: 204, headers: { ...options, ...corsFor(options) } };
  if (!WITHOUT_JSON.has(id) && !acceptsJson(headers.accept)) {
    throw new Problem("not-acceptable", `This operation answers application/json; Accept has ${headers.accept}.`);
  }
  const request = { headers, names, path, gone };
  if (WITH_BODY.has(id)) Object.assign(request, readJsonBody(headers, body));
  if (names.facility_id !== undefined) requireFacility(service, names.facility_id, id);
  if (names.job_id !== undefined) {
    request.job = service.store.find(names.job_id);
    if (!request.job) throw new Problem("not-found", "There is no such job.");
  }
  request.query = readQuery(rawQuery, parameters[id]);
  const { faults } = request.query;
  if (id === "get_log" && request.job.isArray && !("task_index" in request.query.values)) {
    faults.push({ parameter: "task_index", detail: "Say which task's log of this array.", code: "invalid-request" });
  }
  if (id !== "submit_job" && faults.length > 0) throw invalid(faults);
  return operations[id](request);
}

function corsFor({ Allow }) {
  return { "Access-Control-Allow-Methods": Allow, "Access-Control-Allow-Headers": "*" };
}

function readJsonBody(headers, body) {
  if (!isJsonType(headers["content-type"]) || headers["content-encoding"] !== undefined) {
    throw new Problem("unsupported-media-type", "Send the body as application/json, without a content encoding.");
  }
  if (body === undefined) {
    throw new Problem("payload-too-large", "The body is larger than limits.max_request_bytes of get_service_info.");
  }
  try {
    return { body: readJson(body), bodyText: body.toString() };
  } catch (error) {
    if (error instanceof NotJson) throw new Problem("malformed-request", error.message);
    throw error;
  }
}

function requireFacility({ facility }, facilityId, operation) {
  if (facilityId !== facility.id) throw new Problem("not-found", "There is no such facility.");
  if (operation.endsWith("_credential")) {
    throw new Problem("not-found", "This facility does not claim the class credentials.");
  }
}
