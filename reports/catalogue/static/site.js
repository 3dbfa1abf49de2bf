// Filters of the index, kept in the address behind the number sign; buttons that copy. Pages work without this file.
"use strict";

const plain = (text) => text.normalize("NFD").replace(/[\u0300-\u036f]/g, "").toLowerCase();

function filters(form) {
  const bodies = [...document.querySelectorAll("#claims tbody")];
  const rows = bodies.flatMap((body) =>
    [...body.querySelectorAll("tr")].filter((row) => row.dataset.verdict !== undefined).map((row) => ({
      row,
      body,
      text: plain(row.textContent + " " + (row.dataset.more || "") + " " + body.dataset.topic),
    }))
  );
  const fields = [...form.elements].filter((field) => field.name);
  const count = document.getElementById("count");

  function matches(entry, wanted) {
    for (const [name, value] of wanted) {
      if (name === "q") {
        if (!plain(value).split(/\s+/).every((word) => entry.text.includes(word))) return false;
      } else {
        const have = (name === "topic" ? entry.body : entry.row).dataset[name] || "";
        if (name === "finding" && value === "any" ? have === "" : have !== value) return false;
      }
    }
    return true;
  }

  function apply() {
    const wanted = fields.map((f) => [f.name, f.value.trim()]).filter(([, value]) => value !== "");
    let shown = 0;
    for (const entry of rows) {
      entry.row.hidden = !matches(entry, wanted);
      if (!entry.row.hidden) shown += 1;
    }
    for (const body of bodies) body.hidden = rows.every((e) => e.body !== body || e.row.hidden);
    const all = shown === rows.length;
    count.textContent = all ? `${shown} claims` : `${shown} of ${rows.length} claims`;
    return wanted;
  }

  function keep() {
    const hash = new URLSearchParams(apply()).toString();
    history.replaceState(null, "", hash ? "#" + hash : location.pathname + location.search);
  }

  function read() {
    if (location.hash && !location.hash.includes("=")) return apply(); // a link to a place on the page
    const given = new URLSearchParams(location.hash.slice(1));
    for (const field of fields) {
      field.value = given.get(field.name) || "";
      if (field.value !== (given.get(field.name) || "")) field.value = ""; // a value that no option has
    }
    apply();
  }

  form.addEventListener("input", keep);
  form.addEventListener("submit", (event) => event.preventDefault());
  document.getElementById("clear").addEventListener("click", () => {
    for (const field of fields) field.value = "";
    keep();
    form.elements.q.focus();
  });
  window.addEventListener("hashchange", read);
  form.hidden = false;
  read();
}

function copying(block) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Copy";
  button.setAttribute("aria-label", "Copy: " + block.getAttribute("aria-label"));
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(block.textContent);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(block); // where pages may not write to the clipboard: one key is left to press
      button.textContent = "Selected";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
  const box = document.createElement("div");
  box.className = "copybox";
  block.replaceWith(box);
  box.append(block, button);
}

function reveal() {
  const id = decodeURIComponent(location.hash.slice(1));
  const target = id && document.getElementById(id);
  for (let node = target; node; node = node.parentElement) if (node.tagName === "DETAILS") node.open = true;
}

const form = document.getElementById("filters");
if (form) filters(form);
else {
  window.addEventListener("hashchange", reveal);
  reveal();
}
document.querySelectorAll("pre.copy").forEach(copying);
