// The page: what is asked lies in the address, so that links and Back work; everything shown is made from JSON.

import { stretches, wordsOf } from "/words.js";

const byId = (id) => document.getElementById(id);
const [form, box, radius, where, size, rerank] = ["form", "q", "radius", "where", "k", "rerank"].map(byId);
const [entryPart, results, hits, status, more, heading] =
  ["entry", "results", "hits", "status", "more", "heading"].map(byId);
const dropped = []; // images that were asked about; an address cannot hold one, so history holds its number here
let info, counts, request, timer;

function make(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children.filter((child) => child !== null));
  return element;
}

// ---- state: the address, and back

function asked() {
  const given = new URLSearchParams(location.search);
  const within = given.has("r") ? Math.min(Number(given.get("r")) || 0, info.bits) : null;
  return {
    q: given.get("q") ?? "", key: given.get("key"), k: Math.min(Number(given.get("k")) || 10, 1000), within,
    where: given.get("where") ?? "", plain: given.has("plain"), image: dropped[history.state?.image],
  };
}

function address({ q, key, k, within, where, plain }) {
  const given = new URLSearchParams();
  if (key !== null) given.set("key", key);
  else if (q) given.set("q", q);
  if (within !== null) given.set("r", within);
  if (k !== 10) given.set("k", k);
  if (where) given.set("where", where);
  if (plain) given.set("plain", "1");
  return "/" + (given.size ? "?" + given : "");
}

function change(changes, { push = false, image } = {}) {
  const next = { ...asked(), ...changes };
  const state = image ?? ("q" in changes || "key" in changes ? undefined : history.state?.image);
  if (push) {
    history.replaceState({ ...history.state, scroll: scrollY }, "");
    history.pushState({ image: state }, "", address(next));
  } else history.replaceState({ image: state }, "", address(next));
}

function soon(wait, changes, options) {
  change(changes, options);
  results.setAttribute("aria-busy", "true");
  clearTimeout(timer);
  timer = setTimeout(show, wait);
}

// ---- asking

async function get(path, given = {}, options = {}) {
  const query = new URLSearchParams(Object.entries(given).filter(([, value]) => value !== null && value !== ""));
  const response = await fetch(`${path}?${query}`, { signal: request?.signal, ...options });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error);
  return answer;
}

const at = (part, key) => `/api/${part}/${encodeURIComponent(key)}`;

function answerTo(state) {
  const search = {
    k: state.k, radius: state.within, where: state.where, rerank: !state.plain, counts: true, length: 280,
  };
  if (state.key !== null) return get(at("similar", state.key), search);
  if (state.image) {
    const body = { method: "POST", body: state.image, headers: { "Content-Type": state.image.type } };
    return get("/api/search", search, body).then((answer) => answer.results[0]);
  }
  if (info.kind === "text" && state.q.trim()) return get("/api/search", { q: state.q, ...search });
  return get("/api/entries", { prefix: state.q, k: state.k, where: state.where, length: 280 });
}

async function show() {
  clearTimeout(timer);
  const state = asked();
  settle(state);
  request?.abort();
  request = new AbortController();
  const mine = request;
  results.setAttribute("aria-busy", "true");
  try {
    const [answer, entry, bucket] = await Promise.all([
      answerTo(state),
      state.key === null ? null : get(at("entries", state.key)),
      state.key === null ? null : get(at("bucket", state.key), { k: 13, length: 60 }),
    ]);
    if (mine !== request) return;
    showEntry(entry, bucket, state);
    showAnswer(answer, state, entry);
  } catch (error) {
    if (mine !== request || error.name === "AbortError") return;
    entryPart.hidden = more.hidden = true;
    hits.replaceChildren();
    say(error.message, true);
  }
  results.setAttribute("aria-busy", "false");
}

// ---- showing

function settle(state) {
  if (document.activeElement !== box) box.value = state.key === null ? state.q : "";
  if (document.activeElement !== where) where.value = state.where;
  form.elements.mode.value = state.within === null ? "nearest" : "within";
  if (state.within !== null) radius.value = state.within;
  if (![...size.options].some((option) => Number(option.value) === state.k)) size.add(new Option(state.k));
  size.value = state.k;
  rerank.checked = !state.plain;
  document.title = [state.key ?? state.q, info.file].filter(Boolean).join(" · ");
}

function showAnswer(answer, state, entry) {
  const browsing = "entries" in answer;
  const found = browsing ? answer.entries : answer.hits;
  counts = answer.counts ?? null;
  form.classList.toggle("browsing", browsing);
  if (counts && state.within === null) radius.value = counts.findIndex((count) => count >= Math.min(state.k, counts.at(-1)));
  drawCounts();
  heading.hidden = entry === null && !state.image;
  heading.replaceChildren(entry ? "Its neighbours" : "Neighbours of your image");
  if (state.image) heading.append(preview(state.image));
  tell(answer, state);
  const words = browsing ? null : wordsOf(state.q);
  hits.classList.toggle("grid", info.kind === "image");
  hits.start = 1;
  hits.replaceChildren(...found.map((hit) => drawHit(hit, answer.code, words)));
  more.hidden = browsing ? answer.next === null : found.length < state.k || (answer.count <= found.length && state.within !== null);
  more.onclick = browsing ? () => append(answer.next, state) : () => soon(0, { k: next(state.k) });
}

const next = (k) => [25, 50, 100, 250, 1000].find((larger) => larger > k) ?? 1000;
const number = (value) => value.toLocaleString("en");
const many = (count, one, more) => `${number(count)} ${count === 1 ? one : more}`;

async function append(after, state) {
  const answer = await get("/api/entries", { prefix: state.q, after, k: state.k, where: state.where, length: 280 });
  const first = hits.children.length;
  hits.append(...answer.entries.map((hit) => drawHit(hit)));
  hits.children[first]?.querySelector("a").focus();
  more.hidden = answer.next === null;
  more.onclick = () => append(answer.next, state);
}

function tell(answer, state) {
  const only = state.where ? ` where ${state.where}` : "";
  if ("entries" in answer) {
    if (!answer.entries.length) say(`No entry${state.q ? ` whose key begins with ${state.q}` : ""}${only}.`);
    else if (info.kind === "text") say(`Entries by key${only}. Type to search, or open one to see its neighbours.`);
    else say(`Entries by key${only}. Open one to see its neighbours${info.kind === "image" ? ", or drop an image here" : ""}.`);
    return;
  }
  const unknown = answer.words === 0 ? "The model knows none of these words, so this order means nothing. " : "";
  if (state.within === null) say(`${unknown}The ${many(answer.count, "nearest entry", "nearest entries")}${only} of ${number(info.entries)}.`);
  else say(unknown + withinText(answer.count, state) + only + ".");
}

function withinText(count, state) {
  const best = count > state.k ? `; the best ${number(state.k)} of them` : "";
  return `${many(count, "entry", "entries")} within ${many(Number(state.within), "bit", "bits")}${best}`;
}

function say(text, wrong = false) {
  status.textContent = text;
  status.classList.toggle("wrong", wrong);
}

function drawHit(hit, code, words) {
  const parts = [];
  if (info.kind === "image") parts.push(thumb(hit.key));
  parts.push(make("a", { className: "key", href: address({ ...asked(), key: hit.key }), textContent: hit.key }));
  if (hit.content) parts.push(make("p", { className: "text" }, ...marked(hit.content, words)));
  if (Object.keys(hit.meta).length) parts.push(drawMeta(hit));
  if ("distance" in hit) {
    const near = make("div", { className: "near" });
    const score = make("span", { textContent: hit.score.toFixed(2), title: "score: higher is better" });
    near.append(make("span", {}, make("b", { textContent: hit.distance }), hit.distance === 1 ? " bit · " : " bits · ", score));
    near.append(drawCode(hit.code, code));
    parts.push(near);
  }
  return make("li", { className: "hit" }, ...parts);
}

function quoted(text) {
  return /^[\w.:/-]+$/.test(text) ? text : `"${text.replace(/["\\]/g, "\\$&")}"`;
}

function drawMeta({ key, meta }) {
  const list = make("ul", { className: "meta" });
  for (const [name, value] of Object.entries(meta)) {
    if (value === null || value === "" || (name === "path" && String(value).endsWith(key))) continue;
    const plain = typeof value !== "object";
    const whole = plain ? String(value) : JSON.stringify(value);
    const shown = `${name}: ${whole.length > 60 ? whole.slice(0, 59) + "…" : whole}`;
    const chip = plain
      ? make("button", { type: "button", textContent: shown, title: `Only ${name}=${whole}`,
                         onclick: () => soon(0, { where: `${quoted(name)}=${quoted(whole)}` }, { push: true }) })
      : make("span", { textContent: shown });
    list.append(make("li", {}, chip));
  }
  return list;
}

const drawnFrom = { vectors: "; pictures drawn from stored vectors", codes: "; pictures drawn by the model from codes alone" };
const thumb = (key) => make("img", { className: "thumb", src: `${at("pictures", key)}?size=256`, alt: "", loading: "lazy" });

function preview(image) {
  const drawn = make("img", { className: "thumb", alt: "your image", src: URL.createObjectURL(image) });
  drawn.onload = () => URL.revokeObjectURL(drawn.src);
  drawn.style.width = "6rem";
  return drawn;
}

// A code as rows of 32 bits: 1 is a full square, 0 a small one; those that differ from the other code stand out.
function drawCode(code, other = code) {
  const bits = [...code].flatMap((digit, place) => {
    const [here, there] = [parseInt(digit, 16), parseInt(other[place], 16)];
    return [8, 4, 2, 1].map((bit) => [here & bit, (here ^ there) & bit]);
  });
  const paths = { one: "", zero: "", flip: "" };
  const wide = Math.min(32, bits.length);
  bits.forEach(([one, differs], place) => {
    const [x, y] = [place % wide, Math.floor(place / wide)];
    paths[differs ? "flip" : one ? "one" : "zero"] += one
      ? `M${x + 0.08} ${y + 0.08}h.84v.84h-.84z` : `M${x + 0.32} ${y + 0.32}h.36v.36h-.36z`;
  });
  const drawn = svg("svg", { class: "code", viewBox: `0 0 ${wide} ${bits.length / wide}`, "aria-hidden": "true" });
  for (const [name, d] of Object.entries(paths)) drawn.append(svg("path", { class: name, d }));
  return drawn;
}

function svg(tag, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

// How many entries lie at each distance, on a scale of logarithms, behind the slider.
function drawCounts() {
  const drawn = byId("histogram");
  drawn.replaceChildren();
  byId("bits").value = many(Number(radius.value), "bit", "bits");
  const within = form.elements.mode.value === "within" ? Number(radius.value) : -1;
  radius.setAttribute("aria-valuetext", counts
    ? withinText(counts[radius.value], { within: radius.value, k: Infinity }) : `${radius.value} bits`);
  if (!counts) return;
  drawn.setAttribute("viewBox", `0 0 ${counts.length - 1} 1`);
  const each = counts.map((count, bits) => Math.log1p(count - (counts[bits - 1] ?? 0)));
  const tallest = Math.max(...each, 1);
  each.forEach((value, bits) => {
    const height = value / tallest;
    if (height) drawn.append(svg("rect", { class: bits <= within ? "in" : "out", x: bits - 0.4, y: 1 - height, width: 0.8, height }));
  });
}

function marked(text, words) {
  const parts = [];
  let done = 0;
  for (const [begin, end] of words ? stretches(text, words) : []) {
    parts.push(text.slice(done, begin), make("mark", { textContent: text.slice(begin, end) }));
    done = end;
  }
  return [...parts, text.slice(done)];
}

function showEntry(entry, bucket, state) {
  const before = entryPart.dataset.key;
  entryPart.hidden = entry === null;
  if (entry === null) {
    delete entryPart.dataset.key;
    entryPart.replaceChildren();
    return;
  }
  if (before === entry.key) return;
  entryPart.dataset.key = entry.key;
  const title = make("h2", { textContent: entry.key, tabIndex: -1 });
  const parts = [title];
  if (info.kind === "image") {
    parts.push(make("img", { className: "whole", src: `${at("pictures", entry.key)}?size=512`, alt: entry.key }));
  }
  if (entry.content) parts.push(make("div", { className: "content", textContent: entry.content, tabIndex: 0, role: "group", ariaLabel: "Content" }));
  if (Object.keys(entry.meta).length) parts.push(drawMeta(entry));
  const code = make("div", {}, make("h3", { textContent: `Its code of ${info.bits} bits` }), drawCode(entry.code));
  code.append(make("p", { className: "note" }, make("code", { textContent: entry.code })));
  parts.push(make("div", { className: "parts" }, code, drawBucket(entry, bucket, state)));
  entryPart.replaceChildren(...parts);
  if (before !== undefined || document.activeElement !== document.body) title.focus({ preventScroll: true });
}

function drawBucket(entry, bucket, state) {
  const others = bucket.entries.filter((other) => other.key !== entry.key).slice(0, 12);
  const count = bucket.count - 1;
  const told = count
    ? `${many(count, "other entry has", "other entries have")} this very code${count > others.length ? `; the first ${others.length}:` : ":"}`
    : "No other entry has this code.";
  const list = make("ul", { className: "same" }, ...others.map((other) => {
    const link = make("a", { className: "key", href: address({ ...state, key: other.key }), textContent: other.key });
    return make("li", {}, info.kind === "image" ? thumb(other.key) : null, link);
  }));
  return make("div", {}, make("h3", { textContent: "Its bucket" }), make("p", { className: "note", textContent: told }), list);
}

// ---- events

function listen() {
  box.addEventListener("input", () => {
    const leaving = asked().key !== null || history.state?.image !== undefined || !asked().q;
    soon(180, { q: box.value, key: null }, { push: leaving });
  });
  form.addEventListener("submit", (event) => { event.preventDefault(); show(); });
  radius.addEventListener("input", () => {
    form.elements.mode.value = "within";
    drawCounts();
    if (counts) say(`${withinText(counts[radius.value], { ...asked(), within: radius.value })}.`);
    soon(120, { within: Number(radius.value) });
  });
  byId("mode").addEventListener("change", () => {
    soon(0, { within: form.elements.mode.value === "within" ? Number(radius.value) : null });
  });
  size.addEventListener("change", () => soon(0, { k: Number(size.value) }));
  rerank.addEventListener("change", () => soon(0, { plain: !rerank.checked }));
  where.addEventListener("change", () => soon(0, { where: where.value.trim() }));
  byId("file").addEventListener("change", (event) => ask(event.target.files[0]));
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => { event.preventDefault(); ask(event.dataTransfer.files[0]); });
  document.addEventListener("click", follow);
  document.addEventListener("keydown", keys);
  addEventListener("popstate", async () => { await show(); scrollTo(0, history.state?.scroll ?? 0); });
}

function ask(image) {
  if (!image || info.kind !== "image") return;
  soon(0, { q: "", key: null }, { push: true, image: dropped.push(image) - 1 });
}

async function follow(event) {
  const link = event.target.closest("a[href^='/']");
  if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  history.replaceState({ ...history.state, scroll: scrollY }, "");
  history.pushState({}, "", link.href);
  await show();
  scrollTo(0, 0);
}

function keys(event) {
  const typing = ["INPUT", "SELECT"].includes(event.target.tagName);
  if (event.key === "/" && !typing) {
    event.preventDefault();
    box.select();
  }
  const links = [...hits.querySelectorAll("a.key")];
  const place = links.indexOf(event.target);
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step || (place < 0 && event.target !== box) || (event.target === box && step < 0)) return;
  event.preventDefault();
  (links[place + step] ?? (step < 0 ? box : links[place]))?.focus();
}

async function start() {
  const given = new URLSearchParams(location.search);
  if (given.has("token")) { // it is in a cookie by now
    given.delete("token");
    history.replaceState(history.state, "", "/" + (given.size ? "?" + given : ""));
  }
  history.scrollRestoration = "manual";
  try {
    info = await get("/api/info");
  } catch (error) {
    say(error.message, true);
    return;
  }
  const kinds = { text: ["text", "texts"], image: ["image", "images"] };
  byId("home").textContent = info.file;
  byId("about").textContent = `${many(info.entries, ...(kinds[info.kind] ?? ["embedding", "embeddings"]))}, codes of ${info.bits} bits${drawnFrom[info.pictures] ?? ""}`;
  byId("q-label").textContent = info.kind === "text" ? "Search for a text" : "Find an entry by how its key begins";
  byId("upload").hidden = info.kind !== "image";
  radius.max = info.bits / 2;
  radius.value = info.bits / 8;
  listen();
  await show();
}

start();
