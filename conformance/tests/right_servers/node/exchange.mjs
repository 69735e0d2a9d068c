// One exchange over HTTP: reads the body of a request, and writes the answer.

import fs from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { randomUUID } from "node:crypto";
import { MAX_REQUEST_BYTES } from "./facility.mjs";

const ALWAYS = {
  "Access-Control-Allow-Origin": "*",
  "Access-Control-Expose-Headers": "*",
  "Cache-Control": "no-store",
  // One request to a connection: the simplest that HTTP allows.
  Connection: "close",
};

export function newRequestId() {
  return randomUUID();
}

// The whole body, or undefined if it is larger than the limit. It is read to its end in any case, because a client
// that is still sending does not read the answer.
export async function readBody(request) {
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size <= MAX_REQUEST_BYTES) chunks.push(chunk);
  }
  return size <= MAX_REQUEST_BYTES ? Buffer.concat(chunks) : undefined;
}

// An answer has a `status`, perhaps `headers`, and at most one of: `json`, a value; `text`, JSON already written;
// `problem`, a document; `file`, an open file with {start, end}, which is closed here.
export async function send(response, requestId, answer) {
  const { status, headers = {}, json, problem, file } = answer;
  const text = answer.text ?? (json ?? problem ? JSON.stringify(json ?? problem) : undefined);
  const isProblem = problem !== undefined;
  const type = text !== undefined && { "Content-Type": `application/${isProblem ? "problem+" : ""}json; charset=utf-8` };
  response.writeHead(status, { ...ALWAYS, ...type, ...headers, "X-Request-Id": requestId });
  try {
    if (response.req.method === "HEAD") response.end();
    else if (file && file.end >= file.start) {
      await pipeline(file.handle.createReadStream({ start: file.start, end: file.end, autoClose: false }), response);
    } else {
      if (text !== undefined) response.write(text);
      response.end();
    }
  } finally {
    await file?.handle.close();
  }
}

// Open a file to be sent, as {handle, size}.
export async function open(path) {
  const handle = await fs.open(path);
  return { handle, size: (await handle.stat()).size };
}

// The bytes of an answer to what is no HTTP for Node's own parser: a method that it does not know, for one.
export function rawAnswer(requestId, { status, headers = {}, problem }) {
  const body = JSON.stringify(problem);
  const lines = {
    ...ALWAYS,
    "Content-Type": "application/problem+json; charset=utf-8",
    "Content-Length": Buffer.byteLength(body),
    ...headers,
    "X-Request-Id": requestId,
  };
  const head = Object.entries(lines).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${problem.title}\r\n${head.join("")}\r\n${body}`;
}
