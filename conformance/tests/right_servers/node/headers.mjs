// Reads the headers of requests: Accept, Content-Type, Range, If-Range and If-None-Match.

const MEDIA_TYPE = /^\s*application\/json\s*(?:;\s*(?:charset\s*=\s*"?utf-8"?\s*)?)?$/i;

// Whether a header Accept lets JSON through (RFC 9110, section 12.5.1). The narrowest range that covers it decides.
export function acceptsJson(accept) {
  if (accept === undefined || accept.trim() === "") return true;
  const weights = new Map();
  for (const range of accept.split(",")) {
    const [type, ...parameters] = range.split(";").map((part) => part.trim().toLowerCase());
    const weight = parameters.find((one) => /^q\s*=/.test(one));
    weights.set(type, Math.max(weights.get(type) ?? 0, weight ? Number(weight.split("=")[1]) : 1));
  }
  const narrowest = ["application/json", "application/*", "*/*"].find((type) => weights.has(type));
  return narrowest !== undefined && weights.get(narrowest) > 0;
}

export function isJsonType(contentType) {
  return contentType !== undefined && MEDIA_TYPE.test(contentType);
}

// Whether a list of ETags holds this one, compared weakly (RFC 9110, section 13.1.2).
export function holdsTag(ifNoneMatch, etag) {
  if (ifNoneMatch.trim() === "*") return true;
  const opaque = (tag) => tag.replace(/^W\//, "");
  return (ifNoneMatch.match(/(?:W\/)?"[^"]*"/g) ?? []).some((tag) => opaque(tag) === opaque(etag));
}

// What a request gets of `size` bytes: undefined for the whole, "none" where its range begins behind the end, or
// {start, end} with the last byte at `end`. Only a single range of bytes counts, and only if If-Range holds.
export function rangeOf({ range, "if-range": ifRange }, size, etag) {
  const parts = /^\s*bytes\s*=\s*(\d*)-(\d*)\s*$/i.exec(range ?? "");
  if (!parts || (parts[1] === "" && parts[2] === "")) return undefined;
  if (ifRange !== undefined && ifRange.trim() !== etag) return undefined;
  const [first, last] = [parts[1], parts[2]].map((digits) => (digits === "" ? undefined : Number(digits)));
  if (first === undefined) {
    if (size === 0) return undefined;
    return last === 0 ? "none" : { start: Math.max(0, size - last), end: size - 1 };
  }
  if (last !== undefined && last < first) return undefined;
  return first >= size ? "none" : { start: first, end: Math.min(last ?? Infinity, size - 1) };
}
