// Matches paths with the globs of a job's outputs.

// A function that tells whether a path matches the glob. Both are relative, with / between segments.
export function matcher(glob) {
  const patterns = glob.split("/").map((segment) => (segment === "**" ? segment : expressionOf(segment)));
  return (path) => matches(patterns, path.split("/"));
}

function matches([pattern, ...patterns], [segment, ...segments]) {
  if (pattern === undefined) return segment === undefined;
  if (segment === undefined) return false;
  if (pattern !== "**") return pattern.test(segment) && matches(patterns, segments);
  if (segment.startsWith(".")) return matches(patterns, [segment, ...segments]);
  if (patterns.length === 0) return segments.every((one) => !one.startsWith("."));
  return matches(patterns, [segment, ...segments]) || matches([pattern, ...patterns], segments);
}

function expressionOf(segment) {
  let source = segment.startsWith(".") ? "" : "(?!\\.)";
  for (let at = 0; at < segment.length; at += 1) {
    const set = /^\[(!?)(\]?[^\]]*)\]/.exec(segment.slice(at));
    if (segment[at] === "*") source += "[^]*";
    else if (segment[at] === "?") source += "[^]";
    else if (set && set[2] !== "") {
      source += `[${set[1] && "^"}${setOf(set[2])}]`;
      at += set[0].length - 1;
    } else source += segment[at].replace(/[\\^$.*+?()[\]{}|]/, "\\$&");
  }
  return new RegExp(`^${source}$`, "u");
}

// The inside of a set of characters. A hyphen between two characters means what lies between them; a range that goes
// backwards holds nothing.
function setOf(inside) {
  const characters = [...inside];
  let source = "";
  for (let at = 0; at < characters.length; at += 1) {
    const [from, hyphen, to] = characters.slice(at, at + 3);
    if (hyphen === "-" && to !== undefined) {
      if (from.codePointAt(0) <= to.codePointAt(0)) source += `${escaped(from)}-${escaped(to)}`;
      at += 2;
    } else source += escaped(from);
  }
  return source;
}

function escaped(character) {
  return /[\\^\]\[-]/.test(character) ? `\\${character}` : character;
}
