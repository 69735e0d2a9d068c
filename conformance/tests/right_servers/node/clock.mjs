// The one place that asks the machine for the time, and the forms in which times are written and read.

const STAMP = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:)(\d{2})(?:\.(\d{1,6}))?Z$/;

let latest = 0;

// Milliseconds since 1970. They never go back, whatever happens to the machine's clock.
export function now() {
  latest = Math.max(latest, Date.now());
  return latest;
}

export function stampOf(milliseconds) {
  return new Date(milliseconds).toISOString().replace(/\.?0+Z$/, "Z");
}

// Microseconds since 1970, or undefined for a text that is no time of this contract: a day that the month does not
// have is none, and a leap second counts as the second after it.
export function microsecondsOf(stamp) {
  const parts = STAMP.exec(stamp);
  if (!parts) return undefined;
  const [, minute, second, fraction = ""] = parts;
  if (Number(second) > 60) return undefined;
  const start = Date.parse(`${minute}00Z`);
  if (Number.isNaN(start) || !new Date(start).toISOString().startsWith(minute)) return undefined;
  return (start + Number(second) * 1000) * 1000 + Number(fraction.padEnd(6, "0"));
}
