// Shapes that JSON values may have: each is a function (value, pointer, faults) that adds the faults that it finds.

export function fault(pointer, detail, code = "invalid-request") {
  return { pointer, detail, code };
}

// The pointer to a member, after RFC 6901.
export function within(pointer, name) {
  return `${pointer}/${String(name).replaceAll("~", "~0").replaceAll("/", "~1")}`;
}

export function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

// `most` counts characters, as JSON Schema does; a string's length counts halves of some.
export function text(says, pattern, most = Infinity) {
  return (value, at, faults) => {
    if (typeof value !== "string") faults.push(fault(at, "This has to be a string."));
    else if (!pattern.test(value) || (value.length > most && [...value].length > most)) {
      faults.push(fault(at, `This has to be ${says}.`));
    }
  };
}

export function oneOf(...words) {
  return (value, at, faults) => {
    if (!words.includes(value)) faults.push(fault(at, `This has to be one of ${words.join(", ")}.`));
  };
}

export function integer(least, most = Number.MAX_SAFE_INTEGER) {
  return (value, at, faults) => {
    if (!Number.isInteger(value)) faults.push(fault(at, "This has to be an integer."));
    else if (value < least || value > most) faults.push(fault(at, `This has to lie between ${least} and ${most}.`));
  };
}

export function boolean(value, at, faults) {
  if (typeof value !== "boolean") faults.push(fault(at, "This has to be true or false."));
}

export function list(element, least = 0) {
  return (value, at, faults) => {
    if (!Array.isArray(value)) faults.push(fault(at, "This has to be a list."));
    else if (value.length < least) faults.push(fault(at, `This list needs at least ${least} entry.`));
    else value.forEach((entry, index) => element(entry, within(at, index), faults));
  };
}

// An object of the members named, and no others.
export function record(members, required = []) {
  return (value, at, faults) => {
    if (!isObject(value)) {
      faults.push(fault(at, "This has to be an object."));
      return;
    }
    for (const name of required) {
      if (!(name in value)) faults.push(fault(at, `The member ${name} is missing.`));
    }
    for (const [name, member] of Object.entries(value)) {
      if (Object.hasOwn(members, name)) members[name](member, within(at, name), faults);
      else faults.push(fault(within(at, name), "This member is not known here."));
    }
  };
}

// An object whose members' names the caller chooses.
export function map(says, pattern, element, { least = 0, most = Infinity } = {}) {
  return (value, at, faults) => {
    if (!isObject(value)) {
      faults.push(fault(at, "This has to be an object."));
      return;
    }
    const names = Object.keys(value);
    if (names.length < least) faults.push(fault(at, `This needs at least ${least} member.`));
    if (names.length > most) faults.push(fault(at, `This may have ${most} members and has ${names.length}.`));
    for (const name of names) {
      if (pattern.test(name)) element(value[name], within(at, name), faults);
      else faults.push(fault(within(at, name), `The name of this member has to be ${says}.`));
    }
  };
}

// An object whose member `kind` says which of the shapes it has.
export function byKind(shapes) {
  return (value, at, faults) => {
    if (!isObject(value)) faults.push(fault(at, "This has to be an object."));
    else if (!("kind" in value)) faults.push(fault(at, "The member kind is missing."));
    else if (typeof value.kind === "string" && Object.hasOwn(shapes, value.kind)) shapes[value.kind](value, at, faults);
    else faults.push(fault(within(at, "kind"), `The kind has to be one of ${Object.keys(shapes).join(", ")}.`));
  };
}

export function noNulls(value, at, faults) {
  if (value === null) faults.push(fault(at, "A member without a value is left out, not null."));
  else if (typeof value === "object") {
    for (const [name, member] of Object.entries(value)) noNulls(member, within(at, name), faults);
  }
}
