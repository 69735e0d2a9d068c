// What this service says about itself, its one facility and the software there.

export const MAX_REQUEST_BYTES = 2_000_000;
export const MAX_WAIT_SECONDS = 20;
export const MAX_PAGE_SIZE = 250;
export const FACILITY_ID = "Workbench_1";

const ARCHITECTURES = { x64: "amd64", ia32: "386" };

export const SERVICE = {
  id: "org.example.workbench",
  name: "The workbench",
  type: { group: "common-compute", artifact: "common-compute", version: "1.0.0" },
  organization: { name: "Example Observatory", url: "https://observatory.example.org/" },
  environment: "test",
  version: "2026.1",
  conforms_to: ["validation", "watch", "core"],
  access: { kind: "none" },
  limits: {
    max_request_bytes: MAX_REQUEST_BYTES,
    max_wait_seconds: MAX_WAIT_SECONDS,
    max_page_size: MAX_PAGE_SIZE,
  },
};

// `variables` is what setting up the software adds to a job's environment; the rest is the catalogue's entry.
const INSTALLED = [
  { name: "posix-shell", version: "2008 edition", default: false, variables: { POSIX_VERSION: "200809" } },
  { name: "posix-shell", version: "2024 edition", default: true, variables: { POSIX_VERSION: "202405" } },
  { name: "posix-shell-utc", version: "1", default: true, variables: { TZ: "UTC" } },
];

export const CATALOGUE = INSTALLED.map(({ variables: _, ...entry }) => entry);

// The installed version that a job asks for, or undefined.
export function installed({ name, version }) {
  return INSTALLED.find((one) => one.name === name && (version === undefined ? one.default : one.version === version));
}

export const QUEUES = [
  { name: "day", default: true },
  { name: "quick tests", default: false, max_wall_time_seconds: 60, max_cpu_cores: 1 },
];

// The description of the facility, with results kept for `retentionSeconds`.
export function facility(retentionSeconds) {
  return {
    id: FACILITY_ID,
    name: "A workbench",
    description: "The machine that the service runs on. Jobs are its processes, at most eight at once.",
    kind: "workbench",
    location: "under the desk",
    conforms_to: ["live-logs", "ranges", "arrays", "software", "core"],
    status: { state: "available", message: "Somebody may switch it off." },
    architectures: [ARCHITECTURES[process.arch] ?? process.arch],
    scheduler: { kind: "first-come-first-served" },
    container_runtimes: [],
    queues: QUEUES,
    storage: [],
    input_url_schemes: [],
    resources: {
      cpu_cores: { support: "advisory", max: 8, default: 1 },
      memory_bytes: { support: "advisory", max: 4 * 2 ** 30, granularity: 2 ** 20 },
      wall_time_seconds: { support: "enforced", max: 3600, default: 600 },
      architecture: { support: "advisory" },
      queue: { support: "advisory", default: "day" },
    },
    limits: {
      max_array_tasks: 120,
      max_inline_total_bytes: 300_000,
      max_environment_bytes: 20_000,
      result_retention_seconds: retentionSeconds,
      stale_after_seconds: 600,
    },
    reason_codes: [
      "exit-nonzero",
      "wall-time-exceeded",
      "command-not-found",
      "output-missing",
      "submission-rejected",
      "cancelled-by-user",
      "internal",
    ],
    backend_parameters: {
      type: "object",
      properties: { niceness: { type: "integer", minimum: 0, maximum: 19 } },
      additionalProperties: false,
    },
    credential: { kind: "none", delegation: "service", instructions: "" },
    probe: { installed: { kind: "installed", name: "posix-shell", version: "2008 edition" } },
  };
}
