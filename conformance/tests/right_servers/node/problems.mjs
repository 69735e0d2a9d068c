// The problems that this server answers, after RFC 9457.

const CATALOGUE = {
  "malformed-request": [400, "The body is not JSON"],
  "not-found": [404, "Not found"],
  "method-not-allowed": [405, "Method not allowed"],
  "not-acceptable": [406, "No acceptable representation"],
  "job-not-terminal": [409, "The job has not ended"],
  "results-not-ready": [409, "The results are not ready"],
  "job-released": [409, "The job of this key was released"],
  "result-expired": [410, "The results have expired"],
  "payload-too-large": [413, "The body is too large"],
  "unsupported-media-type": [415, "Unsupported media type"],
  "range-not-satisfiable": [416, "The range cannot be satisfied"],
  "invalid-request": [422, "The request is not valid"],
  "unknown-facility": [422, "Unknown facility"],
  "unknown-software": [422, "Unknown software"],
  "unsupported-capability": [422, "The facility cannot do this"],
  "limit-exceeded": [422, "A limit is exceeded"],
  "idempotency-key-reused": [422, "The idempotency key was used for another request"],
  internal: [500, "Internal error"],
};

const RETRYABLE = new Set(["job-not-terminal", "results-not-ready"]);

export class Problem extends Error {
  constructor(code, detail, { errors, headers = {} } = {}) {
    super(detail);
    this.code = code;
    this.status = CATALOGUE[code][0];
    this.errors = errors;
    this.headers = headers;
  }

  // The document. `target` is what the request asked for, as it stood in its first line.
  document(target, requestId) {
    return {
      type: `urn:common-compute:problem:${this.code}`,
      title: CATALOGUE[this.code][1],
      status: this.status,
      detail: this.message,
      instance: referenceTo(target),
      code: this.code,
      request_id: requestId,
      retryable: RETRYABLE.has(this.code),
      ...(this.errors && { errors: this.errors }),
    };
  }
}

// The 422 for a list of faults, each with `code`, `detail` and one of `pointer`, `parameter` and `header`. The faults'
// own codes are left to validate_job, which has to give them.
export function invalid(faults) {
  const isOfForm = faults.some((fault) => fault.code === "invalid-request");
  const code = isOfForm ? "invalid-request" : faults[0].code;
  const detail =
    faults.length === 1 ? faults[0].detail : `The request has ${faults.length} faults; correct each of \`errors\`.`;
  return new Problem(code, detail, { errors: faults.map(({ code: _, ...fault }) => fault) });
}

// `instance` is a URI reference, and HTTP lets more characters through than a URI has.
function referenceTo(target) {
  return target.replace(/[^A-Za-z0-9._~:/?@!$&'()*+,;=%-]|%(?![0-9A-Fa-f]{2})/g, (character) =>
    encodeURIComponent(character),
  );
}
