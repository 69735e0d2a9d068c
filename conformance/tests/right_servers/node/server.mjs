// Starts the service, and ends it. It prints one line of JSON with its URL once it answers.

import { mkdtempSync, realpathSync } from "node:fs";
import http from "node:http";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { newRequestId, rawAnswer, readBody, send } from "./exchange.mjs";
import { facility } from "./facility.mjs";
import { FacilityQueue } from "./facility_queue.mjs";
import { operationsOf } from "./operations.mjs";
import { remove } from "./outputs.mjs";
import { Problem } from "./problems.mjs";
import { answer, routeOf } from "./routes.mjs";
import { Store } from "./store.mjs";

const { values: options } = parseArgs({
  options: { port: { type: "string", default: "0" }, retention: { type: "string", default: "86400" } },
});

const retentionSeconds = Number(options.retention);
const root = realpathSync(mkdtempSync(path.join(os.tmpdir(), "workbench-")));
const store = new Store(retentionSeconds);
const queue = new FacilityQueue(root);
const service = { facility: facility(retentionSeconds), store, queue };
const operations = operationsOf(service);

async function serve(request, response) {
  const { method, url: target, headers } = request;
  const requestId = newRequestId();
  const gone = new Promise((resolve) => response.on("close", resolve));
  try {
    const body = await readBody(request);
    const isWhole = headers.host !== undefined || request.httpVersion === "1.0";
    await send(response, requestId, await attempt({ method, target, headers, body, gone, isWhole }, requestId));
  } catch (error) {
    // The client is gone, or the answer is half sent: there is nobody to tell but the operator.
    if (!response.destroyed) console.error(error);
    response.destroy();
  }
}

// Without this, Node would answer a request without Host itself, and with no problem document.
const server = http.createServer({ requireHostHeader: false }, serve);
// An expectation that nobody knows is passed over.
server.on("checkExpectation", serve);

async function attempt(request, requestId) {
  try {
    if (!request.isWhole) throw new Problem("malformed-request", "A request of HTTP/1.1 names its Host.");
    return await answer(service, operations, request);
  } catch (error) {
    return answerTo(error, request.target, requestId);
  }
}

function answerTo(error, target, requestId) {
  const isOurs = error instanceof Problem;
  if (!isOurs) console.error(error);
  const problem = isOurs ? error : new Problem("internal", "The service met a fault of its own; its operator can find it.");
  return { status: problem.status, headers: problem.headers, problem: problem.document(target, requestId) };
}

// What Node's parser refuses never becomes a request. Of a method that it does not know, the first line is there.
server.on("clientError", (error, socket) => {
  if (!socket.writable) return;
  const [, method, target = "/"] = /^(\S+) (\S+) HTTP/.exec(error.rawPacket?.toString("latin1") ?? "") ?? [];
  let refusal = new Problem("malformed-request", "This is no HTTP request that this service can read.");
  if (error.code === "HPE_INVALID_METHOD" && method) {
    try {
      routeOf(method, target);
    } catch (problem) {
      refusal = problem;
    }
  }
  const requestId = newRequestId();
  socket.end(rawAnswer(requestId, answerTo(refusal, target, requestId)));
});

// CONNECT has no path, so it is no path of ours.
server.on("connect", ({ url: target }, socket) => {
  const requestId = newRequestId();
  socket.end(rawAnswer(requestId, answerTo(new Problem("not-found", "This is no proxy."), target, requestId)));
});

setInterval(() => {
  for (const job of store.sweep()) queue.forget(job).catch(console.error);
}, 1000).unref();

for (const signal of ["SIGTERM", "SIGINT"]) {
  process.on(signal, async () => {
    server.close();
    server.closeAllConnections();
    await queue.stop();
    await remove(root);
    process.exit(0);
  });
}

server.listen(Number(options.port), "127.0.0.1", () => {
  console.log(JSON.stringify({ url: `http://127.0.0.1:${server.address().port}/v1` }));
});
