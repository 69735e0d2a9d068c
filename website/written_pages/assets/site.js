// The requirements' filter and the form of "Try it". Without this script the pages say all that they have to say.
(() => {
  "use strict";

  function element(name, properties = {}, ...children) {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children);
    return made;
  }

  function choice(label, id, values) {
    const select = element("select", { id });
    for (const [value, words] of values) select.append(element("option", { value }, words));
    return [element("label", { htmlFor: id }, label), select];
  }

  function filter(place) {
    const table = place.querySelector("table");
    const rows = [...table.querySelectorAll("tbody tr")].map((row) => ({
      row,
      cells: [...row.cells].map((cell) => cell.textContent.trim()),
    }));
    const distinct = (column) => [["", "all"], ...[...new Set(rows.map(({ cells }) => cells[column]))].map((value) => [value, value])];
    const columns = [[1, "Class"], [2, "Level"], [3, "Verified by"]];
    const told = element("output", {});
    const selects = columns.map(([column, label]) => choice(label, `filter-${column}`, distinct(column)));
    const form = element("form", { className: "filter" }, ...selects.flat(), told);
    const show = () => {
      let shown = 0;
      for (const { row, cells } of rows) {
        const fits = columns.every(([column], at) => ["", cells[column]].includes(selects[at][1].value));
        row.hidden = !fits;
        shown += fits;
      }
      told.textContent = `${shown} of ${rows.length}`;
    };
    form.addEventListener("change", show);
    form.addEventListener("submit", (event) => event.preventDefault());
    place.prepend(form);
    const asked = new URLSearchParams(location.search).get("class");
    if (asked !== null) selects[0][1].value = asked;
    show();
  }

  const HELLO = JSON.stringify(
    {
      name: "Hello",
      facility_id: "rosetta",
      software: { kind: "container", image: "debian:12-slim" },
      command: ["/bin/sh", "-c", "echo Hello; printf 42 > answer.txt"],
      outputs: [{ path: "answer.txt" }],
    },
    null,
    2,
  );
  const CALLS = [
    ["What is there", "GET", "/v1/facilities", ""],
    ["Submit a job", "POST", "/v1/jobs", HELLO],
    ["Check it", "GET", "/v1/jobs/{job_id}", ""],
    ["Wait for a change", "GET", "/v1/jobs/{job_id}?wait_seconds=30", ""],
    ["What it produced", "GET", "/v1/jobs/{job_id}/results", ""],
    ["What it printed", "GET", "/v1/jobs/{job_id}/logs/stdout", ""],
    ["Stop it", "POST", "/v1/jobs/{job_id}/cancel", ""],
    ["Done", "DELETE", "/v1/jobs/{job_id}", ""],
    ["A job with faults", "POST", "/v1/jobs", '{"facility_id": "rosetta", "command": [], "colour": "red"}'],
  ];

  function tryIt(place) {
    const [callLabel, call] = choice("Call", "try-call", CALLS.map(([words], at) => [String(at), words]));
    const [methodLabel, method] = choice("Method", "try-method", ["GET", "POST", "PUT", "DELETE"].map((each) => [each, each]));
    const path = element("input", { id: "try-path", spellcheck: false, autocomplete: "off" });
    const body = element("textarea", { id: "try-body", rows: 9, spellcheck: false });
    const answer = element("pre", { id: "try-answer", tabIndex: 0 }, "Nothing was sent yet.");
    answer.setAttribute("role", "region");
    answer.setAttribute("aria-label", "Answer");
    answer.setAttribute("aria-live", "polite");
    let job = null;

    const fill = () => {
      const [, verb, target, text] = CALLS[Number(call.value)];
      method.value = verb;
      path.value = target.replace("{job_id}", job ?? "{job_id}");
      body.value = text;
    };
    const send = async (event) => {
      event.preventDefault();
      if (path.value.includes("{job_id}")) {
        answer.textContent = "There is no job yet: submit one first.";
        return;
      }
      if (location.protocol === "file:") {
        answer.textContent = "This page comes from a disk, and nobody answers. Start `common-compute proposal serve`.";
        return;
      }
      const sent = { method: method.value, headers: {} };
      if (body.value !== "" && !["GET", "DELETE"].includes(method.value)) {
        sent.body = body.value;
        sent.headers["Content-Type"] = "application/json";
      }
      answer.textContent = "…";
      try {
        const came = await fetch(path.value, sent);
        const text = await came.text();
        const type = came.headers.get("Content-Type") ?? "";
        if (type.includes("text/html")) {
          answer.textContent = "No mock answers here. Start `common-compute proposal serve`.";
          return;
        }
        let shown = text;
        if (type.includes("json") && text) {
          const document = JSON.parse(text);
          shown = JSON.stringify(document, null, 2);
          if (came.status === 201 && document.id) job = document.id;
        }
        const heads = ["Location", "ETag", "X-Request-Id"].filter((name) => came.headers.has(name));
        answer.textContent = [`${came.status} ${came.statusText}`, ...heads.map((name) => `${name}: ${came.headers.get(name)}`), "", shown].join("\n");
      } catch {
        answer.textContent = "Nobody answers here. Start `common-compute proposal serve`.";
      }
    };

    call.addEventListener("change", fill);
    const form = element(
      "form", {},
      callLabel, call, methodLabel, method,
      element("label", { htmlFor: "try-path" }, "Path"), path,
      element("label", { htmlFor: "try-body" }, "Body"), body,
      element("button", { type: "submit" }, "Send"),
    );
    form.addEventListener("submit", send);
    place.replaceChildren(form, answer);
    fill();
  }

  // A table that is wider than its place can be moved by the keyboard as well.
  function letTablesBeMoved() {
    for (const wrap of document.querySelectorAll(".md-typeset__scrollwrap")) {
      if (wrap.scrollWidth > wrap.clientWidth) {
        wrap.tabIndex = 0;
        wrap.setAttribute("role", "group");
        wrap.setAttribute("aria-label", "Table");
      } else {
        wrap.removeAttribute("tabindex");
      }
    }
  }
  window.addEventListener("load", letTablesBeMoved);
  window.addEventListener("resize", letTablesBeMoved);

  // Each block of code gets a menu with one button: no landmark of the page, and a button needs a name.
  function nameCopyButtons() {
    for (const menu of document.querySelectorAll(".md-code__nav:not([role])")) {
      menu.setAttribute("role", "none");
      menu.querySelector("button")?.setAttribute("aria-label", "Copy to clipboard");
    }
  }
  new MutationObserver(nameCopyButtons).observe(document.body, { childList: true, subtree: true });
  nameCopyButtons();

  for (const place of document.querySelectorAll(".filtered")) filter(place);
  const place = document.getElementById("try");
  if (place !== null) tryIt(place);
})();
