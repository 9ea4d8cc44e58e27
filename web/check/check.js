// The page's side of the checker: bytes go into the module four at a time and findings come out.
// What a document says is only ever written as text, never as markup.
"use strict";

const SAMPLE = [
  "# Release", "", "## Staging", "", "```bash", "psql \"$DATABASE_URL\" -f migrate.sql",
  "curl -f https://staging.example.com/health || echo \"unhealthy\"", "```", "",
  "## Production", "", "```bash", "./deploy.sh production <tag>", "sleep 30",
  "kubectl logs -f deployment/web", "```", "",
].join("\n");

const LIMIT_BYTES = 4 * 1024 * 1024;

const element = (id) => document.getElementById(id);

function check(module, text) {
  const bytes = new TextEncoder().encode(text);
  module.begin();
  for (let at = 0; at < bytes.length; at += 4) {
    const count = Math.min(4, bytes.length - at);
    let word = 0;
    for (let i = 0; i < count; i++) word |= bytes[at + i] << (8 * i);
    module.take(word, count);
  }
  const length = module.check_text();
  const answer = new Uint8Array(Math.ceil(length / 4) * 4);
  const words = new DataView(answer.buffer);
  for (let at = 0; at < length; at += 4) words.setInt32(at, module.give(at), true);
  return JSON.parse(new TextDecoder().decode(answer.subarray(0, length)));
}

function part(tag, text, name) {
  const node = document.createElement(tag);
  node.textContent = text;
  if (name) node.className = name;
  return node;
}

// What stands between backticks is code. Either way it is text to the page.
function prose(text) {
  const pieces = text.split("`");
  // An odd number of backticks does not say where code begins.
  if (pieces.length % 2 === 0) return [text];
  return pieces.map((piece, at) => (at % 2 === 1 ? part("code", piece) : piece));
}

function paragraph(tag, ...pieces) {
  const node = document.createElement(tag);
  node.append(...pieces);
  return node;
}

function go(lines, number) {
  const field = element("text");
  const start = lines.slice(0, number - 1).reduce((sum, line) => sum + line.length + 1, 0);
  field.focus();
  field.setSelectionRange(start, start + (lines[number - 1] ?? "").length);
  // A field scrolls to what is typed, not to what is selected: go by the share of the lines.
  field.scrollTop = (field.scrollHeight * (number - 1)) / lines.length - field.clientHeight / 3;
}

function show(text, answer) {
  const lines = text.split("\n");
  const list = element("findings");
  list.replaceChildren();
  const counts = { error: 0, warning: 0, note: 0 };
  for (const found of answer.findings) {
    counts[found.severity] += 1;
    const item = document.createElement("li");
    item.className = found.severity;
    const head = part("strong", `${found.severity} ${found.code}`, found.severity);
    const place = part("button", `line ${found.line}`, "place");
    place.type = "button";
    place.addEventListener("click", () => go(lines, found.line));
    item.append(head, " ", place, paragraph("div", ...prose(found.message)));
    item.append(part("pre", lines[found.line - 1] ?? ""));
    if (found.help) item.append(paragraph("div", "now: ", ...prose(found.help)));
    if (found.why) {
      const more = document.createElement("details");
      more.append(part("summary", found.title), paragraph("p", ...prose(found.why)));
      if (found.source) more.append(part("p", `Source: ${found.source}`));
      item.append(more);
    }
    list.append(item);
  }
  const many = (number, word) => `${number} ${word}${number === 1 ? "" : "s"}`;
  element("summary").textContent = text.trim() === "" ? "Nothing is pasted yet."
    : answer.findings.length === 0 ? "nothing found"
    : [many(counts.error, "error"), many(counts.warning, "warning"), many(counts.note, "note")].join(", ");
  if (answer.silenced > 0) {
    element("summary").textContent += `; ${many(answer.silenced, "finding")} silenced with a reason`;
  }
  if (new TextEncoder().encode(text).length > LIMIT_BYTES) {
    element("summary").textContent += "; the text is longer than this page takes, and its end was left out";
  }
}

async function main() {
  const encoded = element("module").textContent.trim();
  const bytes = Uint8Array.from(atob(encoded), (letter) => letter.charCodeAt(0));
  const module = await WebAssembly.compile(bytes);
  // Libraries below the checker name functions of their own browser bindings. None is called on the
  // way through a document, and one that were would say so.
  const imports = {};
  for (const { module: from, name } of WebAssembly.Module.imports(module)) {
    imports[from] ??= {};
    imports[from][name] = () => { throw new Error(`${name} is not there`); };
  }
  let instance = await WebAssembly.instantiate(module, imports);
  const run = async () => {
    const text = element("text").value;
    try {
      show(text, text.trim() === "" ? { findings: [] } : check(instance.exports, text));
    } catch (fault) {
      // A module that stopped in the middle is not to be used again.
      instance = await WebAssembly.instantiate(module, imports);
      element("summary").textContent = `This text could not be checked (${fault}). Please report it.`;
    }
  };
  let waiting = 0;
  element("text").addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(run, 150);
  });
  element("sample").addEventListener("click", () => {
    element("text").value = SAMPLE;
    run();
  });
  // What stands behind `#` is not sent to any server: a link can bring a text along.
  const given = new URLSearchParams(location.hash.slice(1)).get("text");
  if (given !== null) element("text").value = given;
  run();
}

main().catch((fault) => {
  element("summary").textContent = `This browser cannot run the checker (${fault}).`;
});
