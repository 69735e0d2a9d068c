// Reads strict JSON, and gives beside the value a canonical text that equal values share.

const DEEPEST = 64;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const LONE_SURROGATE = /\p{Surrogate}/u;
const LITERALS = [["true", true], ["false", false], ["null", null]];

export class NotJson extends Error {}

// The value that the bytes hold, as {value, canonical}. Objects have no prototype, so that no name is special.
// JSON.parse would not do: it takes 1e999 for Infinity, keeps lone surrogates and drops duplicate members.
export function readJson(bytes) {
  let text;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new NotJson("The body is not UTF-8.");
  }
  return new Reader(text).whole();
}

class Reader {
  constructor(text) {
    this.text = text;
    this.at = 0;
  }

  whole() {
    const read = this.value(1);
    this.blanks();
    if (this.at < this.text.length) this.refuse("The JSON text ends, but the body goes on");
    return read;
  }

  value(depth) {
    if (depth > DEEPEST) this.refuse(`The body is nested deeper than ${DEEPEST}`);
    this.blanks();
    const first = this.text[this.at];
    if (first === "{") return this.object(depth);
    if (first === "[") return this.array(depth);
    if (first === '"') {
      const value = this.string();
      return { value, canonical: JSON.stringify(value) };
    }
    for (const [word, value] of LITERALS) {
      if (this.text.startsWith(word, this.at)) {
        this.at += word.length;
        return { value, canonical: word };
      }
    }
    return this.number();
  }

  object(depth) {
    const value = Object.create(null);
    const canonical = [];
    this.at += 1;
    this.blanks();
    if (this.take("}")) return { value, canonical: "{}" };
    do {
      this.blanks();
      if (this.text[this.at] !== '"') this.refuse("The name of a member is missing");
      const name = this.string();
      if (name in value) this.refuse(`The member ${JSON.stringify(name)} is there twice`);
      this.blanks();
      if (!this.take(":")) this.refuse("A colon is missing");
      const member = this.value(depth + 1);
      value[name] = member.value;
      canonical.push([name, `${JSON.stringify(name)}:${member.canonical}`]);
      this.blanks();
    } while (this.take(","));
    if (!this.take("}")) this.refuse("The end of an object is missing");
    canonical.sort(([one], [other]) => (one < other ? -1 : 1));
    return { value, canonical: `{${canonical.map(([, text]) => text).join(",")}}` };
  }

  array(depth) {
    const value = [];
    const canonical = [];
    this.at += 1;
    this.blanks();
    if (this.take("]")) return { value, canonical: "[]" };
    do {
      const element = this.value(depth + 1);
      value.push(element.value);
      canonical.push(element.canonical);
      this.blanks();
    } while (this.take(","));
    if (!this.take("]")) this.refuse("The end of a list is missing");
    return { value, canonical: `[${canonical.join(",")}]` };
  }

  string() {
    const start = this.at;
    for (this.at += 1; this.text[this.at] !== '"'; this.at += this.text[this.at] === "\\" ? 2 : 1) {
      if (this.at >= this.text.length) this.refuse("The end of a string is missing");
      if (this.text[this.at] < " ") this.refuse("A string holds a control character");
    }
    this.at += 1;
    let value;
    try {
      value = JSON.parse(this.text.slice(start, this.at));
    } catch {
      this.refuse("A string holds an escape that JSON does not have");
    }
    if (LONE_SURROGATE.test(value)) this.refuse("A string holds a lone surrogate");
    return value;
  }

  number() {
    NUMBER.lastIndex = this.at;
    const written = NUMBER.exec(this.text)?.[0];
    if (written === undefined) this.refuse("No JSON value begins here");
    this.at = NUMBER.lastIndex;
    const value = Number(written);
    if (!Number.isFinite(value)) this.refuse("A number is beyond a double");
    return { value, canonical: canonicalNumber(written) };
  }

  blanks() {
    while (" \t\r\n".includes(this.text[this.at] ?? "x")) this.at += 1;
  }

  take(character) {
    if (this.text[this.at] !== character) return false;
    this.at += 1;
    return true;
  }

  refuse(what) {
    throw new NotJson(`${what}, at character ${this.at}.`);
  }
}

// Digits and a power of ten, so that 1.0, 1 and 10e-1 are the same and integers beyond 2^53 are told apart.
function canonicalNumber(written) {
  const [, sign, whole, fraction = "", power = "0"] = /^(-?)(\d+)(?:\.(\d+))?(?:[eE](.+))?$/.exec(written);
  const digits = (whole + fraction).replace(/^0+/, "");
  const significant = digits.replace(/0+$/, "");
  if (significant === "") return "0";
  return `${sign}${significant}e${Number(power) - fraction.length + digits.length - significant.length}`;
}
