// Cuts lists into pages, and makes and reads the tokens by which the next page is asked for.

import { createHmac, randomBytes } from "node:crypto";
import { MAX_PAGE_SIZE } from "./facility.mjs";
import { invalid } from "./problems.mjs";

const DEFAULT_PAGE_SIZE = 100;

const secret = randomBytes(32);

// A page of `entries`, whose `positionOf` rises along the list and never changes. A token holds the position behind
// which the next page begins, so entries that come or go meanwhile shift nothing; it is sealed together with the
// path and the filters, so that it serves for nothing else.
export function pageOf(entries, positionOf, { path, query: { values, filters } }) {
  const { page_token: token, page_size: size = DEFAULT_PAGE_SIZE } = values;
  const list = `${path}?${filters}`;
  const begin = token === undefined ? -Infinity : positionIn(token, list);
  const rest = entries.filter((entry) => positionOf(entry) > begin);
  const page = rest.slice(0, Math.min(size, MAX_PAGE_SIZE));
  return { page, next: page.length < rest.length ? { next_page_token: tokenFor(positionOf(page.at(-1)), list) } : {} };
}

function tokenFor(position, list) {
  return `${position}%${createHmac("sha256", secret).update(`${position} ${list}`).digest("base64")}`;
}

function positionIn(token, list) {
  const position = Number(/^(-?\d{1,15})%/.exec(token)?.[1]);
  if (token !== tokenFor(position, list)) {
    const detail = "This token was not made for this list; begin again without it.";
    throw invalid([{ parameter: "page_token", detail, code: "invalid-request" }]);
  }
  return position;
}
